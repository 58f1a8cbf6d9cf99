"""What a request may do and set.

The engine holds an analyst's session to it (readonly = 1: no setting changes any more). What the engine leaves open,
files of this machine above all, is refused here by the tokens of the statement, to everybody.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from sixfold.local.clickhouse.errors import readonly, refused
from sixfold.local.clickhouse.lexer import tokens
from sixfold.local.clickhouse.statement import READS, Statement
from sixfold.local.clickhouse.users import Limits, User

TRANSPORT: Final = frozenset(
    {
        *("query", "database", "default_format", "user", "password", "role", "quota_key", "query_id"),
        *("session_id", "session_timeout", "session_check", "stacktrace", "log_comment"),
        *("wait_end_of_query", "buffer_size", "compress", "decompress", "enable_http_compression"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "client_protocol_version"),
        *("cancel_http_readonly_queries_on_client_close", "http_zlib_compression_level"),
        *("network_compression_method", "network_zstd_compression_level"),
        *("http_write_exception_in_output_format", "http_response_buffer_size", "add_http_cors_header"),
    }
)
"""Parameters of a URL that are no settings of the statement."""
_FREE: Final = re.compile(
    r"(output_format_|date_time_|format_(csv|tsv|regexp|display|custom|json)_|join_|query_plan_|optimize_|describe_"
    r"|asterisk_include_|short_circuit_|aggregate_functions_|allow_experimental_|enable_optimize_|input_format_)\w+"
    r"|use_(uncompressed_cache|skip_indexes|query_condition_cache|variant_as_common_type)"
    r"|session_timezone|union_default_mode|intersect_default_mode|except_default_mode|group_by_use_nulls|transform_null_in"
    r"|prefer_column_name_to_alias|cast_\w+|dynamic_\w+|type_json_\w+|geo_\w+|extremes|final|count_distinct_implementation|enable_analyzer"
    r"|empty_result_for_aggregation_by_empty_set|data_type_default_nullable|totals_mode|totals_auto_threshold"
    r"|bool_(true|false)_representation|limit|offset|result_overflow_mode|max_block_size|preferred_block_size_bytes"
    r"|any_join_distinct_right_table_keys|distributed_product_mode|enable_positional_arguments|low_cardinality_\w+"
    r"|formatdatetime_\w+|parsedatetime_\w+|rewrite_count_distinct_if_with_count_distinct_implementation|log_queries"
    r"|send_logs_level|max_bytes_before_external_(sort|group_by)|grace_hash_join_\w+|cross_to_inner_join_rewrite"
    r"|allow_suspicious_\w+|compile_\w+|convert_query_to_cnf|function_\w+|regexp_\w+|additional_result_filter"
)
"""Settings that change what an answer looks like or how it is found, and not what it may use."""
_WRITES: Final = frozenset(
    {
        *("ALTER", "ATTACH", "BACKUP", "CHECK", "CREATE", "DELETE", "DETACH", "DROP", "EXCHANGE", "EXECUTE"),
        *(
            "GRANT",
            "INSERT",
            "KILL",
            "MOVE",
            "OPTIMIZE",
            "PARALLEL",
            "RENAME",
            "REPLACE",
            "RESTORE",
            "REVOKE",
        ),
        *("SYSTEM", "TRUNCATE", "UNDROP", "UPDATE", "WATCH", "COPY"),
    }
)
_WITHOUT_SESSION: Final = frozenset({"SET", "USE", "BEGIN", "COMMIT", "ROLLBACK"})
_VERBS: Final = READS | _WRITES | _WITHOUT_SESSION
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_SETTINGS_OF_THE_ENGINE: Final = re.compile(
    r"select [a-z, ]+ from system \. settings( limit \d+)?( format \w+)?"
)
SAFE_TABLE_FUNCTIONS: Final = frozenset(
    {
        *(
            "numbers",
            "numbers_mt",
            "zeros",
            "zeros_mt",
            "generate_series",
            "generateseries",
            "primes",
            "null",
        ),
        *("view", "viewifpermitted", "viewexplain", "values", "sqlstandardvalues", "merge", "generaterandom"),
        *("format", "fuzzquery", "dictionary"),
        *("mergetreeindex", "mergetreeprojection", "mergetreeanalyzeindexes"),
    }
)
"""They read what is in the warehouse, or nothing."""
TRACED: Final = frozenset({"bindings"})
_BY_PATTERN: Final = frozenset({"merge", "mergetreeindex", "mergetreeprojection", "mergetreeanalyzeindexes"})
"""Table functions that name a table by a pattern or a text."""
REACHING_OUT: Final = frozenset(
    {
        *("reversednsquery", "catboostevaluate", "aigenerate", "aiembed", "aiextract", "aiclassify"),
        *("aitranslate", "airedact", "aisimilarity", "aifilter"),
    }
)
"""Functions that ask somebody else."""


def check(user: User, statement: Statement, table_functions: frozenset[str]) -> None:
    """Raises QueryError for a statement that `user` may not send. `table_functions`: the engine's, in lower case."""
    if statement.verb in _WITHOUT_SESSION:
        raise refused(
            48,
            "NOT_IMPLEMENTED",
            f"{statement.verb} would be forgotten: no request leaves anything in a session here. "
            "Settings go into the URL or a SETTINGS clause, the database into the URL",
        )
    if statement.writes_file:
        raise readonly("INTO OUTFILE would write on this machine: read the answer instead")
    if statement.verb not in _VERBS:
        near = get_close_matches(statement.verb, _VERBS, 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise refused(62, "SYNTAX_ERROR", f"Syntax error: no statement begins with {statement.verb!r}{hint}")
    if user.limits is not None and not statement.reads:
        raise readonly(f"{user.name}: Cannot execute {statement.verb} in readonly mode")
    if user.limits is not None:
        _keep_bindings(user, statement)
    reaching = {*statement.calls & (table_functions | REACHING_OUT) - SAFE_TABLE_FUNCTIONS}
    reaching |= {"file"} & {name.lower() for name in statement.names}
    if reaching:
        names = ", ".join(sorted(reaching))
        raise refused(497, "ACCESS_DENIED", f"{user.name}: {names} reaches outside the warehouse")


def _keep_bindings(user: User, statement: Statement) -> None:
    """Who held which address is answered by the trace desk, under two officers, and by nobody else."""
    around = set(statement.calls & _BY_PATTERN)
    if "merge" in around and _merges_system_alone(statement):
        around.discard("merge")
    if TRACED & {name.lower() for name in statement.names} or around:
        what = ", ".join(sorted(around)) or "the table bindings"
        raise refused(497, "ACCESS_DENIED", f"{user.name}: {what} is the trace desk's (sixfold trace)")


def _merges_system_alone(statement: Statement) -> bool:
    found = list(tokens(statement.sql))
    return all(
        found[at + 2].text == "system" and found[at + 3].kind == "sign" and found[at + 3].text == ","
        for at, token in enumerate(found[:-3])
        if token.is_name and token.text.lower() == "merge" and found[at + 1].text == "("
    )


def session_settings(user: User, url: Mapping[str, str], statement: Statement | None) -> dict[str, str]:
    """What is set before the statement runs. Raises QueryError for what `user` may not set."""
    asked = {
        name: value for name, value in url.items() if name not in TRANSPORT and not name.startswith("param_")
    }
    for name in asked:
        if not _NAME.fullmatch(name):
            raise refused(
                115, "UNKNOWN_SETTING", f"Setting {name!r} is neither a builtin setting nor a parameter"
            )
    if user.limits is not None and asked.get("readonly") in ("1", "2"):
        del asked["readonly"]
    if user.limits is None:
        return {"session_timezone": "UTC", **asked}
    most = user.limits.settings()
    _shorten(asked, most)
    # A clause of the statement may only repeat what the session has already: so it is set there first.
    clause = _without_contradiction(statement.settings if statement else ())
    for name, value in [*asked.items(), *clause.items()]:
        _allow(user, most, name, value)
    return {**_defaults(user.limits), "session_timezone": "UTC", **asked, **clause}


def _shorten(asked: dict[str, str], most: Mapping[str, str]) -> None:
    """Dashboards put their own time limit into every URL, over a minute by default: they get what there is."""
    seconds = asked.get("max_execution_time", "")
    if _NUMBER.fullmatch(seconds) and not 0 < float(seconds) <= float(most["max_execution_time"]):
        asked["max_execution_time"] = most["max_execution_time"]


def _defaults(limits: Limits) -> dict[str, str]:
    return {**limits.settings(), "timeout_overflow_mode": "throw", "result_overflow_mode": "throw"}


def _without_contradiction(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for name, value in pairs:
        if chosen.setdefault(name, value) != value:
            raise readonly(f"Setting {name} has two values in one statement: {chosen[name]} and {value}")
    return chosen


def _allow(user: User, most: Mapping[str, str], name: str, value: str) -> None:
    if name in most:
        if not _NUMBER.fullmatch(value) or not 0 < float(value) <= float(most[name]):
            raise readonly(
                f"Setting {name} is {value}, but shouldn't be greater than {most[name]} for {user.name}"
            )
    elif not _FREE.fullmatch(name):
        raise readonly(f"Cannot modify '{name}' setting in readonly mode: {user.name} may not change it")


def readonly_level(user: User, statement: Statement) -> int:
    """0 for who writes. 1 locks the settings too.

    Clients ask system.settings at first which settings they may send; locked, every one would say "none".
    """
    if user.limits is None:
        return 0
    return 2 if _SETTINGS_OF_THE_ENGINE.fullmatch(statement.signature) else 1
