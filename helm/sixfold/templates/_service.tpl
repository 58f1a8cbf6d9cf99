{{- /* The settings of one service: what the chart knows, and over it the operator's own. */ -}}
{{- define "sixfold.settings" -}}
{{- $root := .root -}}
{{- $settings := dict
      "nats" (dict "servers" $root.Values.nats.servers "name" .name)
      "rpc" (dict "host" "0.0.0.0" "port" 50051)
      "health" (dict "host" "0.0.0.0" "port" 8080)
      "telemetry" (dict "endpoint" $root.Values.telemetry.endpoint) -}}
{{- if $root.Values.nats.seedSecret }}
{{- $_ := set $settings.nats "nkey_seed_file" (printf "/etc/sixfold/nkey/%s.nk" .name) }}
{{- end }}
{{- $client := dict -}}
{{- if $root.Values.tls.enabled }}
{{- $tls := dict "certificate_file" "/etc/sixfold/tls/tls.crt" "key_file" "/etc/sixfold/tls/tls.key" "ca_file" "/etc/sixfold/tls/ca.crt" }}
{{- $_ := set $settings.rpc "tls" $tls }}
{{- $_ := set $client "tls" $tls }}
{{- end }}
{{- if eq .name "security" }}
{{- $_ := set $settings "mitigation" (dict "credit" (printf "%s-credit:50051" $root.Release.Name) "client" (deepCopy $client)) }}
{{- $_ := set $settings "spoofing" (dict "identity" (printf "%s-identity:50051" $root.Release.Name) "client" (deepCopy $client)) }}
{{- end }}
{{- if or (eq .name "console") (eq .name "incubator") }}
{{- $_ := unset $settings "rpc" }}
{{- $_ := unset $settings "nats" }}
{{- $centres := dict }}
{{- range tuple "security" "emergency" "identity" "address" "convergence" "credit" }}
{{- $_ := set $centres . (printf "%s-%s:50051" $root.Release.Name .) }}
{{- end }}
{{- $_ := set $settings "centres" $centres }}
{{- $_ := set $settings "client" $client }}
{{- $_ := set $settings "http" (dict "host" "0.0.0.0" "port" 8000) }}
{{- end }}
{{- mergeOverwrite $settings (deepCopy .service.settings) | toToml }}
{{- end }}

{{- define "sixfold.labels" -}}
app.kubernetes.io/name: sixfold
app.kubernetes.io/component: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}
