"""ClickHouse's HTTP interface over the embedded engine, asked by its own client and by plain requests."""

import base64
import gzip
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import lz4.frame
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from backports import zstd
from clickhouse_connect.driver.exceptions import ClickHouseError

from sixfold.local.clickhouse import compression

from .clickhouse_server import ClickHouseServer, clickhouse_server

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ClickHouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as one:
        reply = one.as_loader("CREATE DATABASE sixfold")
        assert reply.status == 200, reply.text
        yield one


@pytest.fixture
def analyst(server: ClickHouseServer) -> Iterator[Any]:
    client = server.connect()
    yield client
    client.close()


@pytest.fixture
def loader(server: ClickHouseServer) -> Iterator[Any]:
    client = server.connect("loader", database="sixfold")
    yield client
    client.close()


@pytest.fixture
def table(server: ClickHouseServer) -> Iterator[str]:
    server.as_loader(
        "CREATE TABLE sixfold.one (number UInt64, text String) ENGINE = MergeTree ORDER BY number"
    )
    yield "sixfold.one"
    server.as_loader("DROP TABLE sixfold.one SYNC")


# What a client asks


def test_ping_and_root(server: ClickHouseServer) -> None:
    for path in ("/ping", "/", "/replicas_status"):
        assert server.send(path=path).body == b"Ok.\n"
    assert server.send(path="/play").status == 200
    assert server.send(path="/elsewhere").status == 404


def test_a_query_in_the_url_in_the_body_or_in_both(server: ClickHouseServer) -> None:
    assert server.send("SELECT 1").body == b"1\n"
    assert server.send(body=b"SELECT 1, 'a'").body == b"1\ta\n"
    assert server.send("SELECT 1,", b"'a'").body == b"1\ta\n"
    assert server.send("SELECT 1;").body == b"1\n"
    assert server.send("SELECT 1 -- ; SELECT 2").body == b"1\n"


def test_formats(server: ClickHouseServer) -> None:
    one = server.send("SELECT 1 AS x FORMAT JSON")
    assert json.loads(one.body)["data"] == [{"x": 1}]
    assert one.headers["content-type"] == "application/json; charset=UTF-8"
    assert one.headers["x-clickhouse-format"] == "JSON"
    assert server.send("SELECT 1 AS x", default_format="CSVWithNames").body == b'"x"\n1\n'
    assert server.send("SELECT 1 AS x", headers={"X-ClickHouse-Format": "TSVWithNames"}).body == b"x\n1\n"
    assert server.send("SELECT 1 AS x FORMAT CSV SETTINGS max_threads = 1").body == b"1\n"
    assert server.send("SELECT 'FORMAT CSV' AS x FORMAT TSV").body == b"FORMAT CSV\n"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "TabSeparated",
            "TSVWithNames",
            "TabSeparatedWithNamesAndTypes",
            "CSV",
            "CSVWithNames",
            "CSVWithNamesAndTypes",
        ),
        *("JSONEachRow", "JSONCompactEachRow", "JSONCompactEachRowWithNamesAndTypes", "RowBinary", "Native"),
        *("RowBinaryWithNames", "RowBinaryWithNamesAndTypes", "JSON", "Parquet", "Values", "ArrowStream"),
    ],
)
def test_pieces_make_one_document(server: ClickHouseServer, name: str) -> None:
    """Also with a name that has the end of a line in it. `Values` comes whole: what is joined must read the same."""
    reply = server.send(
        f'SELECT number, toString(number) AS `two\nlines "quoted"` FROM numbers(200000) FORMAT {name}',
        max_threads="1",
    )
    assert reply.status == 200, reply.text[:300]
    structure = 'number UInt64, `two\nlines "quoted"` String'
    if name == "ArrowStream":
        read = pa.ipc.open_stream(reply.body).read_all()
        assert read.num_rows == 200_000
        assert int(np.sum(read.column(0).to_numpy())) == 199999 * 100000
        return
    import chdb

    connection = chdb.connect(":memory:")
    try:
        connection.query(f"CREATE TABLE t ({structure}) ENGINE = Memory")
        with connection.send_insert("INSERT INTO t", name) as inserter:
            inserter.append(reply.body)
            inserter.finish()
        counted = connection.query(
            'SELECT count(), sum(number), sum(toUInt64(`two\nlines "quoted"`)) FROM t', "CSV"
        )
        assert counted.bytes() == b"200000,19999900000,19999900000\n"
    finally:
        connection.close()


@pytest.mark.parametrize(
    "name", ["Native", "CSVWithNames", "RowBinaryWithNamesAndTypes", "ArrowStream", "JSON"]
)
def test_an_answer_without_rows_has_its_columns(server: ClickHouseServer, name: str) -> None:
    body = server.send(
        "SELECT number AS some_name, 'x' AS b FROM numbers(3) WHERE number > 5", default_format=name
    ).body
    assert b"some_name" in body


def test_a_whole_answer_has_everything(server: ClickHouseServer) -> None:
    """Also a larger one, whose size is measured before; and totals, which no piece holds."""
    reply = server.send("SELECT number FROM numbers(100000) LIMIT 50000 FORMAT JSON")
    answer = json.loads(reply.body)
    assert (answer["rows"], answer["rows_before_limit_at_least"] >= 50_000) == (50_000, True)
    assert answer["data"][-1] == {"number": 49_999}
    sql = "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k FORMAT TSV"
    assert server.send(sql).body == b"0\t5\n1\t5\n\n0\t10\n"
    reply = server.send("SELECT number FROM numbers(3) FORMAT JSONCompact", extremes="1")
    assert json.loads(reply.body)["extremes"] == {"min": [0], "max": [2]}


def test_headers(server: ClickHouseServer) -> None:
    reply = server.send("SELECT count() FROM numbers(1000)", query_id="mine", wait_end_of_query="1")
    assert reply.headers["x-clickhouse-query-id"] == "mine"
    assert reply.headers["x-clickhouse-timezone"] == "UTC"
    assert reply.headers["x-clickhouse-server-display-name"] == "sixfold"
    summary = json.loads(reply.headers["x-clickhouse-summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("1000", "1")
    assert server.send("SELECT timezone()").body == b"UTC\n"


def test_clickhouse_connect_reads(analyst: Any) -> None:
    assert analyst.ping()
    assert analyst.query("SELECT 1 AS x, 'a' AS y").result_rows == [(1, "a")]
    assert analyst.query("SELECT number FROM numbers(3) WHERE number > 5").column_names == ("number",)
    assert analyst.query("SELECT number AS n FROM numbers(3) LIMIT 0").column_names == ("n",)
    assert analyst.query_df("SELECT number, toString(number) AS s FROM numbers(200000)").shape == (200_000, 2)
    assert analyst.query_arrow("SELECT number FROM numbers(200000)").num_rows == 200_000
    assert analyst.query_np("SELECT number FROM numbers(3)").tolist() == [[0], [1], [2]]
    assert analyst.command("SELECT 7") == 7
    assert "system" in analyst.command("SHOW DATABASES")
    assert analyst.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    with analyst.query_arrow_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum(part.num_rows for part in stream) == 300_000
    with analyst.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        assert sum(len(block) for block in blocks) == 300_000
    with analyst.raw_stream("SELECT number FROM numbers(200000)", fmt="CSVWithNames") as stream:
        assert stream.read().count(b"\n") == 200_001
    assert (
        analyst.query("SELECT 1", settings={"join_use_nulls": 1, "max_threads": 1}).summary["result_rows"]
        == "1"
    )


def test_parameters_are_bound(analyst: Any, server: ClickHouseServer) -> None:
    wild = "x'y\t\\z\n`\"{}%é"
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    typed = "{a:String}, {b:Array(String)}, {c:DateTime('UTC')}, {d:Nullable(String)}, {e:Identifier}"
    sql = f"SELECT {typed} FROM (SELECT 5 AS v)"
    values = {"a": wild, "b": [wild, "2"], "c": when, "d": None, "e": "v"}
    row = analyst.query(sql, parameters=values).result_rows[0]
    assert (row[0], list(row[1]), row[3], row[4]) == (wild, [wild, "2"], None, 5)
    assert row[2].replace(tzinfo=UTC) == when
    assert server.send("SELECT {x:UInt8} + 1", param_x="41").body == b"42\n"


def test_queries_as_form_fields(server: ClickHouseServer) -> None:
    client = server.connect(form_encode_query_params=True)
    assert client.query("SELECT {a:String}", parameters={"a": "x'y\n"}).result_rows == [("x'y\n",)]
    client.close()


@pytest.mark.parametrize("method", ["lz4", "zstd", "gzip", False])
def test_compression_both_ways(server: ClickHouseServer, table: str, method: Any) -> None:
    client = server.connect("loader", compress=method)
    rows = [[number, f"text {number}" * 3] for number in range(50_000)]
    client.insert(table, rows, column_names=["number", "text"])
    assert client.query(f"SELECT * FROM {table} ORDER BY number").result_rows == [tuple(row) for row in rows]
    client.close()
    headers = {"Accept-Encoding": str(method)}
    reply = server.send("SELECT 1", headers=headers, enable_http_compression="1")
    assert reply.headers.get("content-encoding", "False") == str(method)


def test_frames_of_clickhouse_both_ways(server: ClickHouseServer, table: str) -> None:
    reply = server.send("SELECT number FROM numbers(100000) FORMAT TSV", compress="1")
    plain = b"".join(compression.decoded([reply.body], "", frames=True, most=1 << 24))
    assert plain.count(b"\n") == 100_000
    body = compression.frame(b"1\ta\n") + compression.frame(b"2\tb\n")
    reply = server.as_loader(f"INSERT INTO {table} FORMAT TSV", body, decompress="1")
    assert reply.status == 200, reply.text
    assert server.send(f"SELECT count() FROM {table}").body == b"2\n"
    damaged = bytearray(body)
    damaged[30] ^= 1
    reply = server.as_loader(f"INSERT INTO {table} FORMAT TSV", bytes(damaged), decompress="1")
    assert (reply.status, reply.code) == (500, 40)


def test_the_frames_are_those_of_another_driver() -> None:
    """clickhouse-driver reads and checks them, with its own code."""
    from io import BytesIO

    from clickhouse_driver.compression.lz4 import Decompressor
    from clickhouse_driver.reader import read_binary_uint8, read_binary_uint128

    class Stream(BytesIO):
        def read_one(self) -> int:
            return self.read(1)[0]

    stream = Stream(compression.frame(b"some text " * 100))
    checksum = read_binary_uint128(stream)
    assert read_binary_uint8(stream) == 0x82
    assert Decompressor(stream).get_decompressed_data(0x82, checksum, 1) == b"some text " * 100


# Writing


def test_clickhouse_connect_writes(loader: Any, table: str) -> None:
    loader.insert("one", [[1, "a"], [2, "b"]], column_names=["number", "text"])
    loader.insert_df("one", pd.DataFrame({"number": [3], "text": ["c"]}))
    loader.insert_arrow("one", pa.table({"number": [4], "text": ["d"]}))
    assert loader.command(f"INSERT INTO {table} VALUES (5, 'e')").summary["written_rows"] == "1"
    loader.command(f"INSERT INTO {table} SELECT number + 10, 'f' FROM numbers(2)")
    loader.raw_insert(table, ["number", "text"], b"6,g\n7,h\n", fmt="CSV")
    assert loader.query(
        "SELECT groupArray(number) FROM (SELECT number FROM one ORDER BY number)"
    ).result_rows == [([1, 2, 3, 4, 5, 6, 7, 10, 11],)]


def test_inserts_as_curl_sends_them(server: ClickHouseServer, table: str) -> None:
    assert server.as_loader(f"INSERT INTO {table} VALUES", b"(1, 'a'), (2, 'FORMAT CSV')").status == 200
    assert server.as_loader("", f"INSERT INTO {table} (number) FORMAT CSV\n3\n4\n".encode()).status == 200
    assert (
        server.as_loader(
            f"INSERT INTO {table} SETTINGS async_insert = 0 FORMAT JSONEachRow", b'{"number":5}'
        ).status
        == 200
    )
    assert server.as_loader(f"INSERT INTO {table} FORMAT TSV", gzip.compress(b"6\tx\n")).status == 400
    assert server.send(f"SELECT count(), sum(number) FROM {table}").body == b"5\t15\n"


def test_a_block_with_a_known_token_is_stored_once(server: ClickHouseServer) -> None:
    server.as_loader(
        "CREATE TABLE sixfold.once (a UInt64) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    for token in ("x", "x", "y"):
        reply = server.as_loader(
            "INSERT INTO sixfold.once FORMAT TSV", b"1\n", insert_deduplication_token=token
        )
        assert reply.status == 200, reply.text
    assert server.send("SELECT count() FROM sixfold.once").body == b"2\n"


def test_nothing_is_stored_of_a_body_that_is_damaged(server: ClickHouseServer, table: str) -> None:
    whole = lz4.frame.compress(b"".join(b"%d\ta\n" % number for number in range(10_000)))
    names = {"Content-Encoding": "lz4", "X-ClickHouse-User": "loader", "X-ClickHouse-Key": server.password}
    reply = server.send(f"INSERT INTO {table} FORMAT TSV", whole[: len(whole) // 2], headers=names)
    assert (reply.status, reply.code) == (400, 271)
    reply = server.send(
        f"INSERT INTO {table} FORMAT TSV", b"1\ta\nnumber\tb\n", headers={**names, "Content-Encoding": ""}
    )
    assert (reply.status, reply.code) == (400, 27)
    reply = server.send(
        f"INSERT INTO {table} FORMAT TSV", b"1\ta\n", headers={**names, "Content-Encoding": "br"}
    )
    assert (reply.status, reply.code) == (400, 89)
    assert server.send(f"SELECT count() FROM {table}").body == b"0\n"


# Who may


def test_the_secret_is_its_owners_alone(server: ClickHouseServer) -> None:
    file = server.home / "secrets" / "clickhouse-loader.password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(server.password) >= 24


@pytest.mark.parametrize("user", ["loader", "nobody", "admin"])
def test_bad_credentials(server: ClickHouseServer, user: str) -> None:
    basic = base64.b64encode(f"{user}:wrong".encode()).decode()
    for headers in (
        {"Authorization": f"Basic {basic}"},
        {"X-ClickHouse-User": user, "X-ClickHouse-Key": "wrong"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Bearer abc"},
    ):
        reply = server.send("SELECT 1", headers=headers)
        assert (reply.status, reply.code) == (401, 516), reply.text
        assert "AUTHENTICATION_FAILED" in reply.text
    assert server.send("SELECT 1", user=user, password="wrong").status == 401
    assert server.send("SELECT 1", user=user).status == 401


def test_names_of_the_analyst(server: ClickHouseServer) -> None:
    for parameters in ({}, {"user": "default"}, {"user": "analyst"}, {"user": "default", "password": ""}):
        assert server.send("SELECT 1", **parameters).body == b"1\n"


@pytest.mark.parametrize(
    "sql",
    [
        *(
            "INSERT INTO sixfold.one VALUES (1, 'a')",
            "CREATE TABLE x (a Int8) ENGINE = Memory",
            "DROP DATABASE sixfold",
        ),
        *(
            "CREATE TEMPORARY TABLE x (a Int8)",
            "SYSTEM SHUTDOWN",
            "KILL QUERY WHERE 1",
            "ALTER TABLE sixfold.one DELETE WHERE 1",
        ),
        *(
            "TRUNCATE TABLE sixfold.one",
            "OPTIMIZE TABLE sixfold.one",
            "ATTACH TABLE x",
            "GRANT ALL ON *.* TO default",
        ),
        *(
            "BACKUP DATABASE sixfold TO S3('http://127.0.0.1:1/abc/def', 'a', 'b')",
            "CREATE FUNCTION f AS (x) -> x",
        ),
        "SELECT 1 INTO OUTFILE '/tmp/sixfold-must-not-exist'",
        "INSERT INTO FUNCTION null('a Int8') VALUES (1)",
    ],
)
@pytest.mark.parametrize("in_body", [False, True])
def test_an_analyst_changes_nothing(server: ClickHouseServer, table: str, sql: str, in_body: bool) -> None:
    reply = server.send(body=sql.encode()) if in_body else server.send(sql)
    assert (reply.status, reply.code) == (403, 164), reply.text
    assert server.send(f"EXISTS {table}").body == b"1\n"


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT file('/etc/passwd')", "SELECT `file`('/etc/passwd')", "SELECT \"file\" ('/etc/passwd')"),
        *(
            "SELECT `fi\\x6ce`('/etc/passwd')",
            "SELECT /* a */ file /* b */ ('/etc/passwd')",
            "SELECT * FROM file('/etc/passwd')",
        ),
        *("SELECT arrayMap(file, ['/etc/passwd'])", "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')"),
        *(
            "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
            "DESCRIBE file('/etc/passwd')",
            "DESC url('http://127.0.0.1:1/')",
        ),
        *("SELECT 1 -- '\n, file('/etc/passwd') -- '", "SELECT $a$ ' $a$, file('/etc/passwd'), $a$ ' $a$"),
        *(
            "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
            "SELECT * FROM remote('127.0.0.1:1', system.one)",
        ),
        *(
            "SELECT * FROM s3('http://127.0.0.1:1/a/b')",
            "SELECT * FROM Python(server)",
            "SELECT * FROM sqlite('/x', 'y')",
        ),
        *(
            "SELECT * FROM executable('ls', TSV, 'a String')",
            "EXPLAIN SELECT * FROM mysql('127.0.0.1:1','a','b','c','d')",
        ),
        "SELECT reverseDNSQuery('127.0.0.1')",
    ],
)
def test_nothing_reaches_outside_the_warehouse(server: ClickHouseServer, sql: str) -> None:
    for reply in (server.send(sql), server.as_loader(sql)):
        assert (reply.status, reply.code) == (403, 497), reply.text


def test_words_that_only_look_like_it_are_no_harm(server: ClickHouseServer) -> None:
    assert server.send("SELECT 'file(''/etc/passwd'') INTO OUTFILE; SELECT 2' AS x").status == 200
    assert server.send("SELECT 1 /* INTO OUTFILE file() ; */ AS x # file(\n").body == b"1\n"
    assert server.send("SELECT count() FROM merge('system', '^one$')").body == b"1\n"
    assert server.send("SELECT format('{}-{}', 'a', 'b')").body == b"a-b\n"


# Limits


@pytest.mark.parametrize(
    "setting",
    [
        *(
            "max_execution_time=100",
            "max_execution_time=0",
            "max_memory_usage=0",
            "max_memory_usage=99999999999",
        ),
        *(
            "max_result_rows=0",
            "max_result_bytes=0",
            "readonly=0",
            "allow_introspection_functions=1",
            "max_threads=64",
        ),
        *(
            "max_temporary_data_on_disk_size_for_query=0",
            "timeout_overflow_mode='break'",
            "profile='default'",
        ),
    ],
)
def test_limits_cannot_be_raised(server: ClickHouseServer, setting: str) -> None:
    name, _, value = setting.partition("=")
    statements = (
        f"SELECT 1 SETTINGS {setting}",
        f"SELECT * FROM (SELECT 1 SETTINGS {setting})",
        f"SELECT 1 SETTINGS /* */ `{name}` /**/ = {value}",
        f"SELECT 1 SETTINGS join_use_nulls = 1, {setting} FORMAT CSV",
    )
    replies = [*map(server.send, statements)]
    if name != "max_execution_time":
        replies.append(server.send("SELECT 1", **{name: value.strip("'")}))
    for reply in replies:
        assert (reply.status, reply.code) == (403, 164), reply.text
        assert name in reply.text
    assert server.send(f"SET {setting}").code == 48


@pytest.mark.parametrize("seconds", ["0", "65", "1000000"])
def test_the_time_that_a_url_asks_for_is_shortened(server: ClickHouseServer, seconds: str) -> None:
    """Grafana asks for more than a minute with every query."""
    sql = "SELECT getSetting('max_execution_time') AS seconds"
    assert float(server.send(sql, max_execution_time=seconds).body) == 20
    assert float(server.send(sql, max_execution_time="3").body) == 3
    assert server.send("SELECT 1", max_execution_time="forever").status == 403


def test_limits_can_be_lowered(server: ClickHouseServer) -> None:
    endless = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1"
    for reply in (
        server.send(endless, max_execution_time="0.2"),
        server.send(f"{endless} SETTINGS max_execution_time = 0.2"),
    ):
        assert (reply.status, reply.code) == (408, 159), reply.text
    few = {"max_result_rows": "10", "max_block_size": "10"}
    reply = server.send("SELECT number FROM numbers(1000)", wait_end_of_query="1", **few)
    assert (reply.status, reply.code) == (413, 396), reply.text
    reply = server.send(
        "SELECT number FROM numbers(1000)",
        result_overflow_mode="break",
        **few,
    )
    assert (reply.status, reply.body.count(b"\n") <= 20) == (200, True), "as DBeaver asks for its first rows"


def test_memory_of_an_analyst_is_bounded(server: ClickHouseServer) -> None:
    greedy = "SELECT length(groupArray(toString(number) || repeat('x', 100))) FROM numbers(30000000)"
    reply = server.send(greedy)
    assert (reply.status, reply.code) == (500, 241), reply.text
    assert server.send("SELECT 1").body == b"1\n"


def test_results_of_an_analyst_are_bounded(server: ClickHouseServer) -> None:
    reply = server.send("SELECT number FROM numbers(6000000) FORMAT Null")
    assert (reply.status, reply.code) == (413, 396), reply.text
    reply = server.send("SELECT repeat('x', 1000) FROM numbers(200000) FORMAT JSON")
    assert (reply.status, reply.code) == (413, 396), "too much for a format that comes whole"
    assert "JSONEachRow" in reply.text
    assert len(server.send("SELECT repeat('x', 1000) FROM numbers(200000) FORMAT TSV").body) == 200_200_000


def test_settings_that_are_free(server: ClickHouseServer) -> None:
    sql = "SELECT toTypeName(b.x) FROM (SELECT 1 AS k) AS a LEFT JOIN (SELECT 2 AS k, 'a' AS x) AS b USING k"
    assert server.send(sql).body == b"String\n"
    assert server.send(sql, join_use_nulls="1").body == b"Nullable(String)\n"
    assert server.send(f"{sql} SETTINGS join_use_nulls = 1").body == b"Nullable(String)\n"
    assert server.send(sql).body == b"String\n", "nothing stays behind"
    assert server.send("SELECT 1", nonsense="1").status == 403
    reply = server.as_loader("SELECT 1", nonsense="1")
    assert (reply.status, reply.code) == (404, 115)


def test_bodies_are_bounded(server: ClickHouseServer) -> None:
    reply = server.send("SELECT 1", headers={"Content-Length": str(1 << 40)}, body=b"")
    assert (reply.status, reply.code) == (413, 307)
    bomb = zstd.compress(bytes(200 << 20))
    reply = server.send("SELECT 1", bomb, headers={"Content-Encoding": "zstd"})
    assert (reply.status, reply.code) == (413, 307)
    reply = server.send(body=b"SELECT '" + b"x" * (17 << 20) + b"'")
    assert (reply.status, reply.code) == (413, 307)


# Errors


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT (", 400, 62),
        ("SELECT 'never closed", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("   ", 400, 62),
        ("SELECT nope", 404, 47),
        ("SELECT * FROM nope", 404, 60),
        ("SELECT * FROM nope.nope", 404, 81),
        ("SELECT nope()", 404, 46),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT toInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT {x:UInt8}", 400, 456),
        ("SET join_use_nulls = 1", 501, 48),
        ("USE system", 501, 48),
    ],
)
def test_errors_have_their_code_and_status(
    server: ClickHouseServer, sql: str, status: int, code: int
) -> None:
    reply = server.send(sql)
    assert (reply.status, reply.code) == (status, code), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert (reply.text.count("Code: "), reply.text.count("(version ")) == (1, 1), reply.text


def test_an_error_in_the_midst_is_no_answer(server: ClickHouseServer, analyst: Any) -> None:
    sql = "SELECT throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 1000, max_threads = 1"
    with pytest.raises(ClickHouseError, match=r"395|throwIf"), analyst.query_row_block_stream(sql) as blocks:
        for _ in blocks:
            pass
    with pytest.raises(Exception, match=r"IncompleteRead|throwIf|395"):
        server.send(sql)
    reply = server.send(sql, wait_end_of_query="1")
    assert (reply.status, reply.code) == (500, 395)


def test_bad_sql_of_the_client(analyst: Any) -> None:
    with pytest.raises(ClickHouseError, match="UNKNOWN_TABLE") as caught:
        analyst.query("SELECT * FROM nope")
    assert caught.value.code == 60


# Many at once


def _running(server: ClickHouseServer, mark: str) -> int:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{mark}%' AND query NOT LIKE '%processes%'"
    return int(server.as_loader(sql).body)


def _until(what: Any) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("wait", ["0", "1"])
def test_a_client_that_goes_takes_its_query_with_it(server: ClickHouseServer, wait: str) -> None:
    mark = f"gone_{wait}"
    sql = f"SELECT count() AS {mark} FROM numbers(100000000000) WHERE sipHash64(number) = 1"
    path = f"/?wait_end_of_query={wait}"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
        client.sendall(request.encode())
        _until(lambda: _running(server, mark) == 1)
    _until(lambda: _running(server, mark) == 0)
    assert server.send("SELECT 1").body == b"1\n"


def test_a_client_that_goes_while_it_reads(server: ClickHouseServer) -> None:
    sql = "SELECT number AS half_read, repeat('x', 90) FROM numbers(4000000) FORMAT TSV"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        _until(lambda: _running(server, "half_read") == 1)
    _until(lambda: _running(server, "half_read") == 0)


def test_reads_wait_their_turn_and_no_longer_than_bounded(server: ClickHouseServer, table: str) -> None:
    """More readers than there are places: they all get their turn, and inserts go on meanwhile."""
    slow = "SELECT count() FROM numbers(3000000) WHERE sipHash64(number) = 1"
    done = threading.Event()
    inserted = 0

    def insert() -> int:
        number = 0
        while not done.is_set():
            reply = server.as_loader(f"INSERT INTO {table} FORMAT TSV", b"%d\ta\n" % number)
            assert reply.status == 200, reply.text
            number += 1
        return number

    with ThreadPoolExecutor(20) as threads:
        writer = threads.submit(insert)
        replies = list(threads.map(lambda _: server.send(slow), range(16)))
        done.set()
        inserted = writer.result()
    assert {reply.status for reply in replies} == {200}
    assert inserted > 0
    assert server.send(f"SELECT count() FROM {table}").body == b"%d\n" % inserted


def test_inserts_go_on_while_every_reader_is_taken(server: ClickHouseServer, table: str) -> None:
    endless = "SELECT count() AS taken FROM numbers(100000000000) WHERE sipHash64(number) = 1"
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    for client in clients:
        client.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(endless)}\r\n\r\n{endless}".encode()
        )
    _until(lambda: _running(server, "taken") == 2)
    for number in range(5):
        assert server.as_loader(f"INSERT INTO {table} FORMAT TSV", b"%d\ta\n" % number).status == 200
    assert _running(server, "taken") == 2
    for client in clients:
        client.close()
    _until(lambda: _running(server, "taken") == 0)
    assert server.send(f"SELECT count() FROM {table}").body == b"5\n"


# Other clients, by what they send


def test_what_dbeaver_sends(server: ClickHouseServer, table: str) -> None:
    """clickhouse-jdbc: frames, RowBinaryWithNamesAndTypes, the catalogue."""
    names = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "", "X-ClickHouse-Database": "sixfold"}
    names |= {
        "X-ClickHouse-Format": "RowBinaryWithNamesAndTypes",
        "Content-Type": "text/plain; charset=UTF-8",
    }
    for sql in (
        "SELECT currentUser() AS user, timezone() AS timezone, version() AS version LIMIT 1",
        "select timezone(), version()",
        "SELECT name AS TABLE_SCHEM FROM system.databases WHERE name LIKE '%' ORDER BY name",
        "SELECT database, name, engine, comment FROM system.tables WHERE database = 'sixfold'",
        "SELECT database, table, name, type, default_expression, comment FROM system.columns WHERE table = 'one'",
        "SELECT * FROM sixfold.one LIMIT 200",
        "SELECT name FROM system.table_engines",
        "SELECT name FROM system.functions WHERE name NOT LIKE '%file%' LIMIT 5",
        "SHOW CREATE TABLE sixfold.one",
        "EXPLAIN PLAN SELECT * FROM sixfold.one",
    ):
        reply = server.send(
            None,
            sql.encode(),
            headers=names,
            compress="1",
            extremes="0",
            max_result_rows="200",
            result_overflow_mode="break",
            session_id="0b5d",
            session_timeout="60",
            query_id="c0ffee",
            send_progress_in_http_headers="1",
            default_format="RowBinaryWithNamesAndTypes",
        )
        assert reply.status == 200, (sql, reply.text)
        assert len(b"".join(compression.decoded([reply.body], "", frames=True, most=1 << 24))) > 2


def test_what_grafana_sends(server: ClickHouseServer, table: str) -> None:
    """clickhouse-go over HTTP: Native answers, gzip, the time limit of its own query timeout."""
    names = {"Authorization": "Basic " + base64.b64encode(b"default:").decode(), "Accept-Encoding": "gzip"}
    settings = {
        "client_protocol_version": "54460",
        "default_format": "Native",
        "enable_http_compression": "1",
    }
    settings |= {"database": "sixfold", "max_execution_time": "65"}
    for sql in (
        "SELECT displayName(), version(), revision(), timezone()",
        "SELECT name FROM system.databases",
        "SELECT toStartOfInterval(toDateTime(number), INTERVAL 60 second) AS time, count() FROM one GROUP BY time",
        "SELECT name, type, table FROM system.columns WHERE database = 'sixfold' AND table = 'one'",
        "/* grafana dashboard=1 */ SELECT 1",
    ):
        reply = server.send(None, sql.encode(), headers=names, **settings)
        assert reply.status == 200, reply.text
        assert reply.headers["content-encoding"] == "gzip"
        assert gzip.decompress(reply.body)
