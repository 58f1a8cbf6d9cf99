CREATE TABLE IF NOT EXISTS bindings ${ON_CLUSTER}
(
    `network` IPv6 CODEC(ZSTD(1)) COMMENT 'first address of the prefix, IPv4 as ::ffff:a.b.c.d',
    `length` UInt8 CODEC(ZSTD(1)) COMMENT 'bits of 128 (192.0.2.0/24 has 120)',
    `port_first` UInt16 CODEC(ZSTD(1)) COMMENT 'first port of the set; 0 where the address is not shared',
    `port_last` UInt16 CODEC(ZSTD(1)) COMMENT 'last port of the set; 65535 where the address is not shared',
    `since` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'beginning of the binding',
    `until` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'end of the binding; 1970-01-01 in the row that tells its beginning',
    `holder` String CODEC(ZSTD(1)) COMMENT 'pseudonym of a terminal or subscriber; nothing here leads to a person',
    `gateway` LowCardinality(String) COMMENT 'gateway id',
    `source` LowCardinality(String) COMMENT 'whose log it is; empty: the register of the identity centre',
    `number` UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'the source''s number of the binding',
    `logged` DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'when it came into the identity centre''s ledger; retention follows it',
    `ledger_sequence` UInt64 CODEC(DoubleDelta, ZSTD(1)) COMMENT 'number of the event in that ledger'
)
ENGINE = ${MERGE_TREE}
PARTITION BY toMonday(logged)
ORDER BY (network, length, port_first, since)
TTL toDateTime(logged) + INTERVAL ${NAT_DAYS} DAY
SETTINGS ${DEDUPLICATION}, index_granularity = 1024
COMMENT 'who held which address, from when to when, by pseudonym: a row for a beginning and one for an end';

CREATE TABLE IF NOT EXISTS binding_lengths ${ON_CLUSTER}
(
    `length` UInt8 COMMENT 'bits of 128',
    `rows` UInt64 COMMENT 'rows of bindings ever stored with this length'
)
ENGINE = ${SUMMING_MERGE_TREE}
ORDER BY length
SETTINGS ${DEDUPLICATION}
COMMENT 'the lengths of prefix in use, so that an address is looked up once for each';

CREATE MATERIALIZED VIEW IF NOT EXISTS binding_lengths_mv ${ON_CLUSTER} TO binding_lengths AS
SELECT length, count() AS rows FROM bindings GROUP BY length;
