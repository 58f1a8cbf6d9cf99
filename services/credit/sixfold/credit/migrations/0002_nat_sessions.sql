CREATE TABLE IF NOT EXISTS nat_sessions ${ON_CLUSTER}
(
    `time_received` DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'arrival of the datagram, by the agent''s clock; partitions and retention follow it',
    `time` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'when the event happened, by the exporter''s clock',
    `gateway` LowCardinality(String) COMMENT 'gateway whose agent collected the event',
    `exporter` IPv6 CODEC(ZSTD(1)) COMMENT 'address that the datagram came from',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain or source id of the exporter',
    `event` UInt8 CODEC(ZSTD(1)) COMMENT 'natEvent, RFC 8158 4.1',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol number',
    `src_address` IPv6 CODEC(ZSTD(1)) COMMENT 'source address before translation: the subscriber''s side',
    `src_port` UInt16 CODEC(ZSTD(1)) COMMENT 'source port before translation',
    `post_nat_src_address` IPv6 CODEC(ZSTD(1)) COMMENT 'source address after translation: the public side',
    `post_nat_src_port` UInt16 CODEC(ZSTD(1)) COMMENT 'source port after translation',
    `dst_address` IPv6 CODEC(ZSTD(1)) COMMENT 'destination address before translation',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port before translation',
    `post_nat_dst_address` IPv6 CODEC(ZSTD(1)) COMMENT 'destination address after translation',
    `post_nat_dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port after translation',
    `port_block_start` UInt16 CODEC(ZSTD(1)) COMMENT 'first port of an allocated block, information element 361',
    `port_block_end` UInt16 CODEC(ZSTD(1)) COMMENT 'last port of an allocated block, information element 362',
    `ingress_vrf` UInt32 CODEC(ZSTD(1)) COMMENT 'ingressVRFID, information element 234',
    `egress_vrf` UInt32 CODEC(ZSTD(1)) COMMENT 'egressVRFID, information element 235',
    `firewall_event` UInt8 CODEC(ZSTD(1)) COMMENT 'firewallEvent, information element 233',
    `nat_instance` UInt32 CODEC(ZSTD(1)) COMMENT 'natInstanceID or natPoolId, information elements 463 and 283',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets of the session, both directions, where told',
    `batch_epoch` LowCardinality(String) COMMENT 'epoch of the agent that sealed the batch',
    `batch_sequence` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'number of the batch in its epoch'
)
ENGINE = ${MERGE_TREE}
PARTITION BY toYYYYMMDD(time_received)
ORDER BY (post_nat_src_address, post_nat_src_port, time)
TTL toDateTime(time_received) + INTERVAL ${NAT_DAYS} DAY
SETTINGS ${DEDUPLICATION}, ttl_only_drop_parts = 1
COMMENT 'one row per NAT event of a translating gateway, in the order of a trace question: public address, port, time';

CREATE TABLE IF NOT EXISTS interface_counters ${ON_CLUSTER}
(
    `time_received` DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'arrival of the datagram, by the agent''s clock',
    `gateway` LowCardinality(String) COMMENT 'gateway whose agent collected the sample',
    `exporter` IPv6 CODEC(ZSTD(1)) COMMENT 'the agent address in the sFlow datagram',
    `source_index` UInt32 CODEC(ZSTD(1)) COMMENT 'index of the data source that the sample is from',
    `if_index` UInt32 CODEC(ZSTD(1)) COMMENT 'SNMP index of the interface, 0 where the sample does not tell',
    `in_octets` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'octets received, a running total',
    `out_octets` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'octets sent, a running total',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'sFlow sub-agent id',
    `source_class` UInt8 CODEC(ZSTD(1)) COMMENT 'class of the data source: 0 ifIndex, 1 VLAN, 2 entPhysical',
    `sequence` UInt32 CODEC(ZSTD(1)) COMMENT 'sequence number of the sample at its source',
    `uptime` UInt32 CODEC(ZSTD(1)) COMMENT 'milliseconds since the exporter started',
    `if_type` UInt32 CODEC(ZSTD(1)) COMMENT 'ifType (IANAifType): 6 Ethernet',
    `if_speed` UInt64 CODEC(ZSTD(1)) COMMENT 'bits per second',
    `if_direction` UInt8 CODEC(ZSTD(1)) COMMENT '0 unknown, 1 full duplex, 2 half duplex, 3 in, 4 out',
    `status` UInt8 CODEC(ZSTD(1)) COMMENT 'bit 0 administratively up, bit 1 operationally up',
    `promiscuous` UInt8 CODEC(ZSTD(1)) COMMENT '1 if the interface is in promiscuous mode',
    `in_unicast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'unicast packets received, a running total',
    `in_multicast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'multicast packets received, a running total',
    `in_broadcast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'broadcast packets received, a running total',
    `in_discards` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'packets received and discarded, a running total',
    `in_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'packets received with errors, a running total',
    `in_unknown_protocols` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'packets of unknown protocol, a running total',
    `out_unicast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'unicast packets sent, a running total',
    `out_multicast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'multicast packets sent, a running total',
    `out_broadcast_packets` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'broadcast packets sent, a running total',
    `out_discards` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'packets to send that were discarded, a running total',
    `out_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'packets that could not be sent, a running total',
    `alignment_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsAlignmentErrors, a running total',
    `fcs_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsFCSErrors, a running total',
    `late_collisions` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsLateCollisions, a running total',
    `carrier_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsCarrierSenseErrors, a running total',
    `frame_too_long` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsFrameTooLongs, a running total',
    `symbol_errors` UInt32 CODEC(Delta, ZSTD(1)) COMMENT 'dot3StatsSymbolErrors, a running total',
    `batch_epoch` LowCardinality(String) COMMENT 'epoch of the agent that sealed the batch',
    `batch_sequence` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'number of the batch in its epoch'
)
ENGINE = ${MERGE_TREE}
PARTITION BY toYYYYMMDD(time_received)
ORDER BY (exporter, if_index, time_received)
TTL toDateTime(time_received) + INTERVAL ${FLOW_DAYS} DAY
SETTINGS ${DEDUPLICATION}, ttl_only_drop_parts = 1
COMMENT 'interface counter samples of sFlow exporters';

CREATE TABLE IF NOT EXISTS gateways ${ON_CLUSTER}
(
    `time` DateTime64(3, 'UTC') COMMENT 'when the agent sent the heartbeat',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `agent_version` LowCardinality(String) COMMENT 'version of the agent',
    `started` DateTime64(3, 'UTC') COMMENT 'when the agent started',
    `epoch` String COMMENT 'epoch in which it seals batches',
    `exporters` UInt32 COMMENT 'exporters that it knows',
    `templates` UInt32 COMMENT 'templates that it holds',
    `spool_batches` UInt64 COMMENT 'sealed batches not yet acknowledged by the bus',
    `spool_bytes` UInt64 COMMENT 'their size on disk',
    `spool_limit_bytes` UInt64 COMMENT 'how large the spool may become',
    `kernel_drops` UInt64 COMMENT 'datagrams that the kernel dropped since the agent started',
    `counters` Map(LowCardinality(String), UInt64) COMMENT 'every counter of the agent',
    `troubles` Array(String) COMMENT 'what is wrong and what to do, empty when healthy'
)
ENGINE = ${MERGE_TREE}
PARTITION BY toYYYYMM(time)
ORDER BY (gateway, time)
TTL toDateTime(time) + INTERVAL ${FLOW_DAYS} DAY
SETTINGS ${DEDUPLICATION}
COMMENT 'heartbeats of the gateway-agents';
