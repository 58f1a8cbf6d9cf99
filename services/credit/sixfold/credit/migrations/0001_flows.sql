CREATE TABLE IF NOT EXISTS flows ${ON_CLUSTER}
(
    `time_received` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'arrival of the datagram, by the agent''s clock (by the bus''s, where that cannot be true); partitions, order and retention follow it',
    `time_start` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'first packet of the flow, by the exporter''s clock',
    `time_end` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'last packet of the flow, by the exporter''s clock',
    `gateway` LowCardinality(String) COMMENT 'gateway whose agent collected the flow',
    `exporter` IPv6 CODEC(ZSTD(1)) COMMENT 'address that the datagram came from (sFlow: the agent address in it), IPv4 as ::ffff:a.b.c.d',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain, source id or engine of the exporter',
    `src_address` IPv6 CODEC(ZSTD(1)) COMMENT 'source address, IPv4 as ::ffff:a.b.c.d',
    `dst_address` IPv6 CODEC(ZSTD(1)) COMMENT 'destination address, IPv4 as ::ffff:a.b.c.d',
    `src_port` UInt16 CODEC(ZSTD(1)) COMMENT 'source port, 0 where the protocol has none',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port, 0 where the protocol has none',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol number',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets of the flow, corrected for sampling',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets of the flow, corrected for sampling',
    `sampling_rate` UInt32 CODEC(ZSTD(1)) COMMENT '1 in N packets was sampled; 1 unsampled, 0 unknown (then uncorrected)',
    `tcp_flags` UInt16 CODEC(ZSTD(1)) COMMENT 'union of the TCP flags seen',
    `ip_tos` UInt8 CODEC(ZSTD(1)) COMMENT 'type of service or traffic class',
    `icmp_type_code` UInt16 CODEC(ZSTD(1)) COMMENT 'ICMP type * 256 + code',
    `input_interface` UInt32 CODEC(ZSTD(1)) COMMENT 'SNMP index of the ingress interface',
    `output_interface` UInt32 CODEC(ZSTD(1)) COMMENT 'SNMP index of the egress interface',
    `direction` UInt8 CODEC(ZSTD(1)) COMMENT '0 ingress or not told, 1 egress, 2 reverse half of a biflow (RFC 5103), 255 unknown',
    `src_as` UInt32 CODEC(ZSTD(1)) COMMENT 'BGP AS of the source',
    `dst_as` UInt32 CODEC(ZSTD(1)) COMMENT 'BGP AS of the destination',
    `src_prefix_length` UInt8 CODEC(ZSTD(1)) COMMENT 'prefix length of the route to the source',
    `dst_prefix_length` UInt8 CODEC(ZSTD(1)) COMMENT 'prefix length of the route to the destination',
    `next_hop` IPv6 CODEC(ZSTD(1)) COMMENT 'address of the next hop, :: where not told',
    `vlan` UInt16 CODEC(ZSTD(1)) COMMENT 'VLAN id at the ingress',
    `flow_end_reason` UInt8 CODEC(ZSTD(1)) COMMENT 'flowEndReason, information element 136',
    `forwarding_status` UInt8 CODEC(ZSTD(1)) COMMENT 'forwardingStatus, information element 89',
    `flow_label` UInt32 CODEC(ZSTD(3)) COMMENT 'IPv6 flow label',
    `post_nat_src_address` IPv6 CODEC(ZSTD(1)) COMMENT 'source address after translation, :: where not translated',
    `post_nat_dst_address` IPv6 CODEC(ZSTD(1)) COMMENT 'destination address after translation, :: where not translated',
    `post_nat_src_port` UInt16 CODEC(ZSTD(1)) COMMENT 'source port after translation',
    `post_nat_dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port after translation',
    `subscriber` LowCardinality(String) COMMENT 'pseudonym of the subscriber where known, else empty',
    `batch_epoch` LowCardinality(String) COMMENT 'epoch of the agent that sealed the batch',
    `batch_sequence` UInt64 CODEC(Delta, ZSTD(3)) COMMENT 'number of the batch in its epoch: the trail back to the agent',
    `family` Enum8('ipv4' = 4, 'ipv6' = 6) ALIAS if((src_address BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255')), 'ipv4', 'ipv6') COMMENT 'family of the flow''s addresses',
    `translated` Bool ALIAS (post_nat_src_address != toIPv6('::') OR post_nat_dst_address != toIPv6('::') OR (src_address BETWEEN toIPv6('64:ff9b::') AND toIPv6('64:ff9b::ffff:ffff')) OR (dst_address BETWEEN toIPv6('64:ff9b::') AND toIPv6('64:ff9b::ffff:ffff'))) COMMENT 'the flow crosses between the families or a NAT',
    INDEX src_address_index src_address TYPE bloom_filter(0.025) GRANULARITY 1,
    INDEX dst_address_index dst_address TYPE bloom_filter(0.025) GRANULARITY 1
)
ENGINE = ${MERGE_TREE}
PARTITION BY toYYYYMMDD(time_received)
PRIMARY KEY (toStartOfFiveMinutes(time_received), least(src_address, dst_address))
ORDER BY (toStartOfFiveMinutes(time_received), least(src_address, dst_address), greatest(src_address, dst_address), time_start)
TTL toDateTime(time_received) + INTERVAL ${FLOW_DAYS} DAY
SETTINGS ${DEDUPLICATION}, ttl_only_drop_parts = 1, min_parts_to_merge_at_once = 12
COMMENT 'one row per flow record of an exporter, stored exactly once';
