"""The questions that other centres may ask of the warehouse: vetted SQL with bound parameters, nothing else."""

from typing import Final

IPV6_SHARE: Final = """
SELECT gateway, hour,
       sumIf(bytes, family = 'ipv4') AS bytes_ipv4, sumIf(bytes, family = 'ipv6') AS bytes_ipv6,
       sumIf(flows, family = 'ipv4') AS flows_ipv4, sumIf(flows, family = 'ipv6') AS flows_ipv6
FROM {database:Identifier}.traffic_hour
WHERE hour >= toStartOfHour(fromUnixTimestamp64Milli({start:Int64}, 'UTC'))
  AND hour < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
  AND ({gateway:String} = '' OR gateway = {gateway:String})
GROUP BY gateway, hour
ORDER BY hour DESC, gateway
LIMIT 100000
"""

_WHEN: Final = """
time_received >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
  AND time_received < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
"""

# ruff: noqa: S608 - put together from the constants of this file alone
QUESTIONS: Final = {
    "top-talkers": f"""
        SELECT src_address AS host, sum(bytes) AS bytes, sum(packets) AS packets, count() AS flows
        FROM {{database:Identifier}}.flows WHERE {_WHEN}
        GROUP BY host ORDER BY bytes DESC, host LIMIT {{limit:UInt32}}
    """,
    "flows-of-host": f"""
        SELECT time_received, time_start, time_end, gateway, src_address, dst_address, src_port, dst_port,
               protocol, bytes, packets, tcp_flags
        FROM {{database:Identifier}}.flows
        WHERE {_WHEN} AND (src_address = toIPv6({{host:String}}) OR dst_address = toIPv6({{host:String}}))
        ORDER BY time_received LIMIT {{limit:UInt32}}
    """,
    "traffic-by-minute": """
        SELECT minute, gateway, toString(family) AS family, protocol, service_port,
               sum(bytes) AS bytes, sum(packets) AS packets, sum(flows) AS flows
        FROM {database:Identifier}.traffic_minute
        WHERE minute >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
          AND minute < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        GROUP BY minute, gateway, family, protocol, service_port
        ORDER BY minute, bytes DESC LIMIT {limit:UInt32}
    """,
    "flows-once": """
        SELECT hour, time_start, time_end, src_address, dst_address, src_port, dst_port, protocol, bytes, packets,
               gateway, exporter, exporters
        FROM {database:Identifier}.v_flows_once
        WHERE hour >= toStartOfHour(fromUnixTimestamp64Milli({start:Int64}, 'UTC'))
          AND hour < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        ORDER BY bytes DESC LIMIT {limit:UInt32}
    """,
}
NEEDS_HOST: Final = frozenset({"flows-of-host"})
