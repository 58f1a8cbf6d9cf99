CREATE OR REPLACE VIEW v_flows ${ON_CLUSTER} AS
SELECT
    time_received, time_start, time_end, gateway, replaceOne(toString(exporter), '::ffff:', '') AS exporter,
    observation_domain, family, translated,
    replaceOne(toString(src_address), '::ffff:', '') AS src_address, src_port,
    replaceOne(toString(dst_address), '::ffff:', '') AS dst_address, dst_port,
    protocol, bytes, packets, sampling_rate, tcp_flags, ip_tos, icmp_type_code, input_interface, output_interface,
    direction, src_as, dst_as, src_prefix_length, dst_prefix_length, replaceOne(toString(next_hop), '::ffff:', '') AS next_hop,
    vlan, flow_end_reason, forwarding_status, flow_label, subscriber,
    replaceOne(toString(post_nat_src_address), '::ffff:', '') AS post_nat_src_address, post_nat_src_port,
    replaceOne(toString(post_nat_dst_address), '::ffff:', '') AS post_nat_dst_address, post_nat_dst_port,
    batch_epoch, batch_sequence
FROM flows
COMMENT 'flows with addresses as people write them; to find one host quickly, ask flows with toIPv6';

CREATE OR REPLACE VIEW v_nat_sessions ${ON_CLUSTER} AS
SELECT
    time_received, time, gateway, replaceOne(toString(exporter), '::ffff:', '') AS exporter, event, protocol,
    replaceOne(toString(src_address), '::ffff:', '') AS src_address, src_port,
    replaceOne(toString(post_nat_src_address), '::ffff:', '') AS post_nat_src_address, post_nat_src_port,
    replaceOne(toString(dst_address), '::ffff:', '') AS dst_address, dst_port,
    replaceOne(toString(post_nat_dst_address), '::ffff:', '') AS post_nat_dst_address, post_nat_dst_port,
    port_block_start, port_block_end, nat_instance, bytes
FROM nat_sessions
COMMENT 'NAT events with addresses as people write them; to find one public address quickly, ask nat_sessions with toIPv6';

CREATE OR REPLACE VIEW v_flows_once ${ON_CLUSTER} AS
SELECT
    hour, seen.1 AS time_start, seen.2 AS time_end,
    replaceOne(toString(src_address), '::ffff:', '') AS src_address, replaceOne(toString(dst_address), '::ffff:', '') AS dst_address, src_port, dst_port, protocol, family,
    seen.3 AS bytes, seen.4 AS packets, seen.5 AS records, seen.6 AS gateway, replaceOne(toString(seen.7), '::ffff:', '') AS exporter, exporters
FROM
(
    SELECT
        hour, src_address, dst_address, src_port, dst_port, protocol, any(kind) AS family,
        argMax((first, last, octets, counted, records, gateway, exporter), (-rate, octets, exporter, egress)) AS seen,
        uniqExact(exporter) AS exporters
    FROM
    (
        SELECT
            toStartOfHour(time_received) AS hour, src_address, dst_address, src_port, dst_port, protocol,
            gateway, exporter, direction = 1 AS egress, any(family) AS kind,
            min(time_start) AS first, max(time_end) AS last, sum(bytes) AS octets, sum(packets) AS counted, count() AS records,
            toInt64(max(if(sampling_rate = 0, 4294967296, toUInt64(sampling_rate)))) AS rate
        FROM flows
        GROUP BY hour, src_address, dst_address, src_port, dst_port, protocol, gateway, exporter, egress
    )
    GROUP BY hour, src_address, dst_address, src_port, dst_port, protocol
)
COMMENT 'each flow of an hour once, as the router and direction told it that sampled least, then saw most; filter the hour';

CREATE OR REPLACE VIEW v_traffic_minute ${ON_CLUSTER} AS
SELECT
    minute, gateway, family, translated, protocol, service_port,
    concat(
        transform(protocol, [1, 6, 17, 47, 50, 58, 132], ['icmp', 'tcp', 'udp', 'gre', 'esp', 'icmpv6', 'sctp'], toString(protocol)),
        if(service_port = 0, '', concat('/', toString(service_port)))
    ) AS service,
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
    if(bytes_ipv4 + bytes_ipv6 = 0, 0, round(bytes_ipv6 / (bytes_ipv4 + bytes_ipv6), 4)) AS share
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
    if(prefix BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255'),
       concat(replaceOne(toString(prefix), '::ffff:', ''), '/24'), concat(toString(prefix), '/48')) AS network,
    sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows
FROM prefix_hour
GROUP BY hour, gateway, side, prefix
COMMENT 'prefixes by hour; filter the hour, then ORDER BY bytes DESC LIMIT 20';

CREATE OR REPLACE VIEW v_subscriber_hour ${ON_CLUSTER} AS
SELECT hour, subscriber, gateway, sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows
FROM subscriber_hour
GROUP BY hour, subscriber, gateway
COMMENT 'what subscribers sent by hour, where the pseudonym is known';

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
SELECT
    gateway, time AS last_heartbeat, splitByChar('{', name)[1] AS loss,
    extract(name, 'exporter="([^"]*)"') AS exporter, name AS counter,
    counters[name] - if(loss = 'sequence_lost', least(counters[name], counters[replaceOne(name, 'sequence_lost', 'sequence_late')]), 0) AS value
FROM gateways
ARRAY JOIN mapKeys(counters) AS name
WHERE (gateway, time) IN (SELECT gateway, max(time) FROM gateways GROUP BY gateway) AND value > 0
    AND (loss IN ('kernel_drops', 'sequence_lost', 'sets_without_template', 'flows_unknown_sampling', 'rows_lost',
                  'batches_lost', 'sflow_samples_lost', 'sflow_samples_dropped', 'datagrams_truncated',
                  'receive_errors', 'collector_errors', 'spool_records_damaged') OR loss LIKE '%\_malformed')
COMMENT 'what was lost on the way since the agent started, by gateway, cause and, where it tells, exporter';
