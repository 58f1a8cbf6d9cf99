"""Every statement in docs/analysts runs as it stands there: as the analyst, over HTTP, on what the loader stored."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

from sixfold.security.domain.addresses import parse_network
from sixfold.security.domain.events import Rates, Severity
from sixfold.security.domain.evidence import query
from sixfold.security.domain.signals import Signal

from .analyst_warehouse import ARRIVAL, HOUR, analyst_warehouse
from .clickhouse_server import ClickHouseServer

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.timeout(120)]
DOCS = Path(__file__).parents[2] / "docs" / "analysts"
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
Rows = Sequence[Any]


def _queries() -> dict[str, str]:
    found: dict[str, str] = {}
    for page in sorted(DOCS.glob("*.md")):
        for title, text in _SECTION.findall(page.read_text()):
            for number, sql in enumerate(_SQL.findall(text)):
                found[title + ("" if number == 0 else f" ({number + 1})")] = sql
    return found


QUERIES = _queries()
DAY = HOUR.date()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    with analyst_warehouse(tmp_path_factory.mktemp("analyst")) as one:
        yield one


@pytest.fixture
def analyst(server: ClickHouseServer) -> Iterator[Any]:
    client = server.connect(database="sixfold")
    yield client
    client.close()


def ask(analyst: Any, title: str) -> list[dict[str, Any]]:
    return list(analyst.query(QUERIES[title]).named_results())


def text(address: IPv6Address) -> str:
    return str(address.ipv4_mapped or address)


def only(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 12


@pytest.mark.parametrize("title", QUERIES)
def test_every_query_finds_something(analyst: Any, server: ClickHouseServer, title: str) -> None:
    assert ask(analyst, title)
    plain = server.send(None, QUERIES[title].encode(), default_format="JSONEachRow", database="sixfold")
    assert plain.status == 200, plain.text
    assert plain.body.startswith(b"{")


def test_ipv6_share_by_gateway(analyst: Any) -> None:
    rows = only(ask(analyst, "IPv6 share by gateway and hour"), "hour", "gateway", "share")
    hour = HOUR.replace(tzinfo=rows[0][0].tzinfo)
    assert rows == [(hour, "gw-1", 0.7), (hour, "gw-2", 1.0), (hour, "gw-3", 1.0)]


def test_ipv6_share_by_day_and_growth(analyst: Any) -> None:
    # 24,900 bytes of the last day, as the routers saw them, 1,500 of them IPv4; 11,000 two days before.
    before = DAY - timedelta(days=2)
    share = only(ask(analyst, "IPv6 share of the region by day"), "day", "share", "total")
    assert share == [(before, 1.0, 11_000), (DAY, round(23_400 / 24_900, 4), 24_900)]
    growth = only(ask(analyst, "Growth over days"), "day", "total", "growth")
    assert growth == [(DAY, 24_900, 1.264), (before, 11_000, None)]


def test_top_talkers(analyst: Any) -> None:
    rows = ask(analyst, "Top talkers")
    assert [(text(row["host"]), row["sent"], row["records"], row["peers"]) for row in rows] == [
        ("2001:db8:ff1f::35", 10_000, 1, 1),
        ("2001:db8:1::99", 7_000, 1, 1),
        ("2001:db8:1::1", 6_400, 3, 2),
        ("198.51.100.7", 1_000, 1, 1),
        ("100.64.0.1", 500, 1, 1),
    ]


def test_traffic_by_service(analyst: Any) -> None:
    assert only(ask(analyst, "Traffic by service"), "service", "total", "ipv6_share", "records") == [
        ("tcp/443", 14_400, round(12_900 / 14_400, 3), 5),
        ("udp/5000", 10_000, 1.0, 1),
        ("udp/53", 500, 1.0, 1),
    ]


def test_history_of_one_host(analyst: Any) -> None:
    rows = ask(analyst, "History of one host")
    assert only(rows, "gateway", "bytes", "protocol") == [("gw-2", 10_000, 17)]


def test_translated_share(analyst: Any) -> None:
    rows = only(ask(analyst, "Translated share"), "gateway", "translated_share", "total")
    assert rows == [("gw-1", 0.2, 5_000), ("gw-2", 0.0, 12_900), ("gw-3", 0.0, 7_000)]


def test_a_flow_told_by_two_routers_is_counted_once(analyst: Any) -> None:
    (row,) = ask(analyst, "Each flow once")
    assert (row["octets"], row["packets"], row["flows"], row["seen_by_several"]) == (22_000, 220, 6, 1)
    told = "SELECT gateway, exporter, bytes, exporters, family FROM v_flows_once WHERE exporters > 1"
    assert analyst.query(told).result_rows == [("gw-1", "192.0.2.1", 3_000, 2, "ipv6")]
    assert (
        analyst.command("SELECT sum(bytes) FROM flows WHERE time_received >= now() - INTERVAL 1 DAY")
        == 24_900
    )


def test_of_two_routers_the_one_that_samples_less_is_believed(server: ClickHouseServer, analyst: Any) -> None:
    columns = "time_received, gateway, exporter, src_address, dst_address, src_port, dst_port, protocol, "
    columns += "bytes, packets, sampling_rate"
    one = "'2001:db8:5::1', '2001:db8:5::2', 1000, 2000, 17"
    hour = f"toDateTime('{HOUR - timedelta(days=5):%Y-%m-%d %H:%M:%S}')"
    reply = server.as_loader(
        f"INSERT INTO sixfold.flows ({columns}) VALUES ({hour}, 'a', '2001:db8::a', {one}, 900, 9, 1), "
        f"({hour}, 'b', '2001:db8::b', {one}, 2000, 20, 1000), ({hour}, 'c', '2001:db8::c', {one}, 9000, 90, 0), "
        f"({hour}, 'a', '2001:db8::a', {one}, 300, 3, 1)"
    )
    assert reply.status == 200, reply.text
    sql = f"SELECT gateway, bytes, packets, records, exporters FROM v_flows_once WHERE hour = {hour}"
    assert analyst.query(sql).result_rows == [("a", 1200, 12, 2, 3)]
    reply = server.as_loader("DELETE FROM sixfold.flows WHERE src_address = toIPv6('2001:db8:5::1')")
    assert reply.status == 200, reply.text
    for rollup, time in (("traffic_minute", "minute"), ("traffic_hour", "hour"), ("prefix_hour", "hour")):
        reply = server.as_loader(f"DELETE FROM sixfold.{rollup} WHERE {time} = {hour}")
        assert reply.status == 200, reply.text


def test_bits_of_a_prefix(analyst: Any) -> None:
    rows = only(ask(analyst, "Bits per second of a prefix, by minute"), "bits_in", "bits_out")
    # In: 3,000 + 2,900 + 7,000 to 2001:db8:2::2. Out: that, 500 and 10,000.
    assert rows == [(round(12_900 * 8 / 60), round(23_400 * 8 / 60))]


def test_who_was_behind_a_public_address(analyst: Any) -> None:
    rows = ask(analyst, "Who was behind a public address and port")
    assert [(str(row["src_address"]), row["last"], row["held"]) for row in rows] == [
        ("2001:db8:0:10::7", 16, 1),
        ("2001:db8:0:20::9", 7, 0),
    ]


def test_subscribers(analyst: Any) -> None:
    assert only(ask(analyst, "A subscriber's hours"), "subscriber", "octets", "records") == [
        ("p-7f3a", 7_000, 1)
    ]


def test_health_of_the_gateways(analyst: Any) -> None:
    rows = {row["gateway"]: row for row in ask(analyst, "Health of the gateways")}
    assert {name: (row["kernel_drops"], list(row["troubles"])) for name, row in rows.items()} == {
        "gw-1": (4, ["4 datagrams were dropped"]),
        "gw-2": (4, []),
    }
    assert all(row["seconds_ago"] < 600 for row in rows.values())


def test_losses_are_only_what_was_lost(analyst: Any) -> None:
    assert only(ask(analyst, "What was lost"), "gateway", "loss", "exporter", "lost") == [
        ("gw-1", "sequence_lost", "192.0.2.1", 10),
        ("gw-1", "kernel_drops", "", 4),
        *sorted(
            [
                ("gw-1", "netflow_malformed", "", 1),
                ("gw-2", "flows_unknown_sampling", "192.0.2.2", 1),
            ]
        ),
    ]


def test_load_of_an_interface(analyst: Any) -> None:
    assert only(ask(analyst, "Load of the interfaces"), "if_index", "bits_in", "bits_out") == [
        (3, 8_000, 4_000)
    ]


def test_exporters_without_a_rate(analyst: Any) -> None:
    rows = ask(analyst, "Exporters that do not tell their sampling rate")
    assert (text(rows[0]["exporter"]), rows[0]["unknown"]) == ("192.0.2.2", 1)


# The page of the tables


def _tables(server: ClickHouseServer) -> str:
    """docs/analysts/tables.md, as this warehouse is."""
    sql = (
        "SELECT table, name, type, c.comment AS comment, t.comment AS about, engine = 'View' AS view "
        "FROM system.columns AS c INNER JOIN system.tables AS t ON c.database = t.database AND c.table = t.name "
        "WHERE c.database = 'sixfold' AND engine != 'MaterializedView' AND table != 'schema_versions' "
        "ORDER BY view, table, position"
    )
    client = server.connect()
    rows = list(client.query(sql).named_results())
    client.close()
    lines = [
        "# Tables",
        "",
        "Every column, as the warehouse itself says it (`DESCRIBE TABLE flows`). A test holds this page to it.",
    ]
    for table in dict.fromkeys(row["table"] for row in rows):
        columns = [row for row in rows if row["table"] == table]
        lines += ["", f"## {table}", "", columns[0]["about"][:1].upper() + columns[0]["about"][1:] + ".", ""]
        if columns[0]["view"]:
            lines.append("Columns: " + ", ".join(f"`{row['name']}`" for row in columns) + ".")
            continue
        lines += ["| column | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{row['name']}` | `{row['type']}` | {row['comment'].replace('|', chr(92) + '|')} |"
            for row in columns
        ]
    return "\n".join(lines) + "\n"


def test_the_page_of_the_tables_is_true(server: ClickHouseServer, tmp_path: Path) -> None:
    page = DOCS / "tables.md"
    wanted = tmp_path / "tables.md"
    wanted.write_text(_tables(server))
    assert page.read_text() == wanted.read_text(), f"the tables have changed: copy {wanted} to {page}"


def test_the_overview_names_every_table_and_view(server: ClickHouseServer) -> None:
    overview = (DOCS / "index.md").read_text()
    reply = server.send(
        "SELECT name FROM system.tables WHERE database = 'sixfold' AND engine != 'MaterializedView'"
    )
    missing = [name for name in reply.text.split() if f"`{name}`" not in overview]
    assert missing == ["schema_versions"]


def test_the_overview_states_the_limits(server: ClickHouseServer) -> None:
    from sixfold.local.clickhouse.users import Limits

    overview = (DOCS / "index.md").read_text()
    limits = Limits()
    for shown in (
        f"| time | {limits.seconds:g} s |",
        f"| memory | {limits.memory_bytes >> 30} GiB |",
        f"| threads | {limits.threads} |",
        f"| rows in an answer | {limits.result_rows // 1_000_000} million |",
        f"| {limits.result_bytes >> 20} MiB |",
        f"| {limits.whole_bytes >> 20} MiB |",
    ):
        assert shown in overview


@pytest.mark.parametrize(
    ("meant", "flows"),
    [
        ({"network": "203.0.113.9/32"}, [("198.51.100.7", 443, 1_000), ("100.64.0.1", 443, 500)]),
        ({"network": "203.0.113.0/24", "peer": "198.51.100.0/24"}, [("198.51.100.7", 443, 1_000)]),
        ({"network": "203.0.113.9/32", "match": (("src_port", (40_001,)),)}, [("100.64.0.1", 443, 500)]),
        ({"network": "2001:db8:1::1/128", "side": "source", "match": (("protocol", (17,)),)},
         [("2001:db8:1::1", 53, 500)]),
        ({"network": "203.0.113.9/32", "match": (("tcp_flags", (2,)), ("ip_tos", (0,)))}, []),
        ({"network": "203.0.113.9/32", "window_end": ARRIVAL - 30_000}, []),
    ],
)  # fmt: skip
def test_the_query_of_an_incident_shows_its_flows(
    analyst: Any, meant: dict[str, Any], flows: list[tuple[str, int, int]]
) -> None:
    networks = {name: parse_network(meant[name]) for name in ("network", "peer") if name in meant}
    window = {"window_start": ARRIVAL - 30_000, "window_end": ARRIVAL}
    signal = Signal(
        detector="d", vector="v", rates=Rates(0, 0, 0), opens=True, severity=Severity.LOW, confidence=1.0, reasons=(),
        **{**window, **meant, **networks},
    )  # fmt: skip
    rows = list(analyst.query(query(signal)).named_results())
    assert [(text(row["src_address"]), row["dst_port"], row["bytes"]) for row in rows] == flows
