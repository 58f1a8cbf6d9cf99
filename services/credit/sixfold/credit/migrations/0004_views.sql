CREATE OR REPLACE VIEW v_flows ${ON_CLUSTER} AS
SELECT
    time_received, time_start, time_end, gateway,
    replaceOne(toString(exporter), '::ffff:', '') AS exporter,
    observation_domain, family, translated,
    replaceOne(toString(src_address), '::ffff:', '') AS src_address, src_port,
    replaceOne(toString(dst_address), '::ffff:', '') AS dst_address, dst_port,
    protocol, bytes, packets, sampling_rate, tcp_flags, ip_tos, icmp_type_code, input_interface, output_interface,
    direction, src_as, dst_as, vlan, flow_label, subscriber,
    replaceOne(toString(post_nat_src_address), '::ffff:', '') AS post_nat_src_address, post_nat_src_port,
    replaceOne(toString(post_nat_dst_address), '::ffff:', '') AS post_nat_dst_address, post_nat_dst_port
FROM flows
COMMENT 'flows with addresses as people write them';

CREATE OR REPLACE VIEW v_flows_once ${ON_CLUSTER} AS
SELECT
    time_start, time_end, src_address, dst_address, src_port, dst_port, protocol, family,
    observed.1 AS bytes, observed.2 AS packets, observed.3 AS gateway, observed.4 AS exporter, exporters
FROM
(
    SELECT
        src_address, dst_address, src_port, dst_port, protocol, any(family) AS family, toStartOfMinute(minute_start) AS minute,
        min(first) AS time_start, max(last) AS time_end,
        argMax((octets, counted, gateway, exporter), (octets, exporter)) AS observed,
        count() AS exporters
    FROM
    (
        SELECT
            src_address, dst_address, src_port, dst_port, protocol, any(family) AS family, gateway, exporter,
            toStartOfMinute(time_start) AS minute_start, min(time_start) AS first, max(time_end) AS last,
            sum(bytes) AS octets, sum(packets) AS counted
        FROM flows
        WHERE direction != 1
        GROUP BY src_address, dst_address, src_port, dst_port, protocol, gateway, exporter, minute_start
    )
    GROUP BY src_address, dst_address, src_port, dst_port, protocol, minute
)
COMMENT 'each flow and minute once, from the exporter that saw most of it, also where several routers exported it';

CREATE OR REPLACE VIEW v_traffic_minute ${ON_CLUSTER} AS
SELECT
    minute, gateway, family, translated, protocol, service_port,
    sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows,
    round(bytes * 8 / 60) AS bits_per_second
FROM traffic_minute
GROUP BY minute, gateway, family, translated, protocol, service_port
COMMENT 'traffic per minute, summed up';

CREATE OR REPLACE VIEW v_ipv6_share ${ON_CLUSTER} AS
SELECT
    hour, gateway,
    sumIf(bytes, family = 'ipv4') AS bytes_ipv4, sumIf(bytes, family = 'ipv6') AS bytes_ipv6,
    sumIf(flows, family = 'ipv4') AS flows_ipv4, sumIf(flows, family = 'ipv6') AS flows_ipv6,
    sumIf(bytes, translated) AS bytes_translated,
    round(bytes_ipv6 / (bytes_ipv4 + bytes_ipv6), 4) AS share
FROM traffic_hour
GROUP BY hour, gateway
COMMENT 'share of IPv6 in the bytes of each gateway and hour';

CREATE OR REPLACE VIEW v_top_talkers ${ON_CLUSTER} AS
SELECT
    toStartOfHour(time_received) AS hour,
    replaceOne(toString(src_address), '::ffff:', '') AS host,
    sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows, uniq(dst_address) AS peers
FROM flows
GROUP BY hour, src_address
COMMENT 'hosts by what they sent; filter the hour, then ORDER BY bytes DESC LIMIT 20';

CREATE OR REPLACE VIEW v_top_prefixes ${ON_CLUSTER} AS
SELECT
    hour, gateway, side,
    if(startsWith(toString(prefix), '::ffff:'), concat(replaceOne(toString(prefix), '::ffff:', ''), '/24'), concat(toString(prefix), '/48')) AS prefix,
    sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows
FROM prefix_hour
GROUP BY hour, gateway, side, prefix
COMMENT 'prefixes by hour; filter the hour, then ORDER BY bytes DESC LIMIT 20';

CREATE OR REPLACE VIEW v_gateway_health ${ON_CLUSTER} AS
SELECT
    gateway, max(time) AS last_heartbeat, dateDiff('second', last_heartbeat, now64(3)) AS seconds_ago,
    argMax(agent_version, time) AS agent_version, argMax(exporters, time) AS exporters, argMax(templates, time) AS templates,
    argMax(spool_batches, time) AS spool_batches, argMax(spool_bytes, time) AS spool_bytes,
    argMax(kernel_drops, time) AS kernel_drops, argMax(troubles, time) AS troubles
FROM gateways
GROUP BY gateway
COMMENT 'the newest word of every gateway';

CREATE OR REPLACE VIEW v_losses ${ON_CLUSTER} AS
SELECT gateway, name AS counter, newest[name] AS value
FROM (SELECT gateway, argMax(counters, time) AS newest FROM gateways GROUP BY gateway)
ARRAY JOIN mapKeys(newest) AS name
WHERE match(name, 'drop|gap|without_template|unknown_sampling|lost') AND value > 0
COMMENT 'what was lost on the way, by gateway and cause';
