CREATE TABLE IF NOT EXISTS spoofed_sources ${ON_CLUSTER}
(
    `time_start` DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'start of the time that the report covers',
    `time_end` DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'its end',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `interface` LowCardinality(String) COMMENT 'access interface that the packets came in on; empty in the row of all that were not told one by one',
    `address` IPv6 CODEC(ZSTD(1)) COMMENT 'the forged source, IPv4 as ::ffff:a.b.c.d; :: in the row of all that were not told one by one',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets with that source',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'their octets',
    `dropped` Bool COMMENT 'whether the gateway dropped them; otherwise they were counted and let through'
)
ENGINE = ${MERGE_TREE}
PARTITION BY toMonday(time_end)
ORDER BY (gateway, interface, time_end)
TTL toDateTime(time_end) + INTERVAL ${NAT_DAYS} DAY
SETTINGS ${DEDUPLICATION}
COMMENT 'sources that gateways found forged at their access interfaces (RFC 7039), as reported every few seconds';

CREATE VIEW IF NOT EXISTS v_spoofed_sources_hour ${ON_CLUSTER} AS
SELECT
    toStartOfHour(toDateTime(time_end, 'UTC')) AS hour, gateway, interface,
    sum(packets) AS packets, sum(bytes) AS bytes, uniqExactIf(address, interface != '') AS sources, max(dropped) AS dropped
FROM spoofed_sources
GROUP BY hour, gateway, interface
COMMENT 'forged sources per hour, gateway and access interface';
