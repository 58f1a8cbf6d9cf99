CREATE TABLE IF NOT EXISTS traffic_minute ${ON_CLUSTER}
(
    `minute` DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'start of the minute in which the datagrams arrived',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `family` Enum8('ipv4' = 4, 'ipv6' = 6) COMMENT 'family of the addresses',
    `translated` Bool COMMENT 'the flows cross between the families or a NAT',
    `protocol` UInt8 COMMENT 'IP protocol number',
    `service_port` UInt16 COMMENT 'the well-known side: the lower port where one is below 10000 and the protocol has ports, else 0',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets, corrected for sampling',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets, corrected for sampling',
    `flows` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'flow records'
)
ENGINE = ${SUMMING_MERGE_TREE}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, gateway, family, translated, protocol, service_port)
TTL minute + INTERVAL ${ROLLUP_DAYS} DAY
SETTINGS ${DEDUPLICATION}
COMMENT 'traffic per minute by gateway, family and service; sum the columns, rows of one key may be several';

CREATE MATERIALIZED VIEW IF NOT EXISTS traffic_minute_mv ${ON_CLUSTER} TO traffic_minute AS
SELECT
    toStartOfMinute(toDateTime(time_received, 'UTC')) AS minute,
    gateway,
    if((src_address BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255')), 'ipv4', 'ipv6') AS family,
    (post_nat_src_address != toIPv6('::') OR post_nat_dst_address != toIPv6('::') OR (src_address BETWEEN toIPv6('64:ff9b::') AND toIPv6('64:ff9b::ffff:ffff')) OR (dst_address BETWEEN toIPv6('64:ff9b::') AND toIPv6('64:ff9b::ffff:ffff'))) AS translated,
    protocol,
    if(least(src_port, dst_port) < 10000 AND protocol IN (6, 17, 33, 132, 136), least(src_port, dst_port), 0) AS service_port,
    sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows
FROM flows
GROUP BY minute, gateway, family, translated, protocol, service_port;

CREATE TABLE IF NOT EXISTS traffic_hour ${ON_CLUSTER}
(
    `hour` DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'start of the hour in which the datagrams arrived',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `family` Enum8('ipv4' = 4, 'ipv6' = 6) COMMENT 'family of the addresses',
    `translated` Bool COMMENT 'the flows cross between the families or a NAT',
    `protocol` UInt8 COMMENT 'IP protocol number',
    `service_port` UInt16 COMMENT 'as in traffic_minute',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets, corrected for sampling',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets, corrected for sampling',
    `flows` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'flow records'
)
ENGINE = ${SUMMING_MERGE_TREE}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, gateway, family, translated, protocol, service_port)
SETTINGS ${DEDUPLICATION}
COMMENT 'traffic per hour, kept for ever; sum the columns';

CREATE MATERIALIZED VIEW IF NOT EXISTS traffic_hour_mv ${ON_CLUSTER} TO traffic_hour AS
SELECT
    toStartOfHour(minute) AS hour, gateway, family, translated, protocol, service_port,
    sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows
FROM traffic_minute
GROUP BY hour, gateway, family, translated, protocol, service_port;

CREATE TABLE IF NOT EXISTS prefix_hour ${ON_CLUSTER}
(
    `hour` DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'start of the hour in which the datagrams arrived',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `side` Enum8('source' = 1, 'destination' = 2) COMMENT 'whether the prefix sent or received',
    `prefix` IPv6 CODEC(ZSTD(1)) COMMENT 'first address of the prefix: /48 of IPv6, /24 of IPv4 (as ::ffff:a.b.c.0)',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets, corrected for sampling',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets, corrected for sampling',
    `flows` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'flow records'
)
ENGINE = ${SUMMING_MERGE_TREE}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, side, prefix, gateway)
TTL hour + INTERVAL ${ROLLUP_DAYS} DAY
SETTINGS ${DEDUPLICATION}
COMMENT 'traffic per hour by prefix; sum the columns';

CREATE MATERIALIZED VIEW IF NOT EXISTS prefix_hour_source_mv ${ON_CLUSTER} TO prefix_hour AS
SELECT
    toStartOfHour(toDateTime(time_received, 'UTC')) AS hour, gateway, 'source' AS side,
    tupleElement(IPv6CIDRToRange(src_address, if((src_address BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255')), 120, 48)), 1) AS prefix,
    sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows
FROM flows
GROUP BY hour, gateway, prefix;

CREATE MATERIALIZED VIEW IF NOT EXISTS prefix_hour_destination_mv ${ON_CLUSTER} TO prefix_hour AS
SELECT
    toStartOfHour(toDateTime(time_received, 'UTC')) AS hour, gateway, 'destination' AS side,
    tupleElement(IPv6CIDRToRange(dst_address, if((dst_address BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255')), 120, 48)), 1) AS prefix,
    sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows
FROM flows
GROUP BY hour, gateway, prefix;

CREATE TABLE IF NOT EXISTS subscriber_hour ${ON_CLUSTER}
(
    `hour` DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'start of the hour in which the datagrams arrived',
    `subscriber` String CODEC(ZSTD(1)) COMMENT 'pseudonym',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `bytes` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'octets that the subscriber sent, corrected for sampling',
    `packets` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'packets, corrected for sampling',
    `flows` UInt64 CODEC(T64, ZSTD(1)) COMMENT 'flow records'
)
ENGINE = ${SUMMING_MERGE_TREE}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, subscriber, gateway)
TTL hour + INTERVAL ${ROLLUP_DAYS} DAY
SETTINGS ${DEDUPLICATION}
COMMENT 'traffic per hour by subscriber pseudonym, where known; sum the columns';

CREATE MATERIALIZED VIEW IF NOT EXISTS subscriber_hour_mv ${ON_CLUSTER} TO subscriber_hour AS
SELECT
    toStartOfHour(toDateTime(time_received, 'UTC')) AS hour, toString(subscriber) AS subscriber, gateway,
    sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows
FROM flows
WHERE subscriber != ''
GROUP BY hour, subscriber, gateway;
