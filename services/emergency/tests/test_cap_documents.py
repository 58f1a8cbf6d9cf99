"""Documents of national services, judged as the table beside them says; our own bad ones, each with its reason."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cap_alerts import SENT, cap, geocode, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.emergency.adapters.cap_xml import XmlLimits, parse
from sixfold.emergency.domain.document import RefusedError
from sixfold.emergency.domain.rules import NOTES, judge

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DATA = next(
    (
        folder / "shared/data/cap"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared/data/cap").is_dir()
    ),
    None,
)
VERDICT = "xsd_verdict(CAP-v1.2.xsd)"
FAULTY_ON_PURPOSE = ("semantic reject", "semantic 404", "reject as is")
FAULTY_IN_THE_FIELD = "lenient ingest"


def rows():
    if DATA is None:
        return []
    with (DATA / "index.tsv").open(encoding="utf-8") as table:
        every = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in every if row[VERDICT] not in ("schema", "data")]


def judged(data, *, lenient=False):
    return judge(parse(data, XmlLimits()), lenient=lenient, now=NOW, clock_tolerance=timedelta(minutes=10))


def refused(data, *, lenient=False):
    with pytest.raises(RefusedError) as caught:
        judged(data, lenient=lenient)
    return caught.value


@pytest.mark.skipif(DATA is None, reason="the folder of alerts (../shared/data/cap) is absent")
def test_there_are_alerts_to_judge():
    assert len(rows()) > 60


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_a_national_services_document_gets_the_tables_verdict(row):
    data, verdict, expected = (DATA / row["file"]).read_bytes(), row[VERDICT], row["expected_by_platform"]
    if "XXE" in expected:
        assert refused(data).reason == "XML_FORBIDDEN"
    elif verdict in ("other-version", "feed/other"):
        assert refused(data).reason == "NOT_CAP_1_2"
    elif verdict == "invalid":
        refusal = refused(data, lenient=True)
        assert refusal.reason == "SCHEMA_VIOLATED"
        assert refusal.findings[0].path.startswith("alert")
    elif any(words in expected for words in FAULTY_ON_PURPOSE):
        assert refused(data).reason == "RULE_VIOLATED"
    elif FAULTY_IN_THE_FIELD in expected:
        assert judged(data, lenient=True)[0].identifier
    else:
        # "sig reject" too: no signature is verified yet, and each message says of its own that it is not.
        message, findings = judged(data)
        assert {finding.rule for finding in findings} <= NOTES
        signed = "signed=y" in row["note"]
        assert message.signature in (("unverified", "empty") if signed else ("unsigned",))
        assert f"/{message.message_type} " in row["note"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "XML_MALFORMED"),
        (b"<alert", "XML_MALFORMED"),
        (b"<a></b>", "XML_MALFORMED"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "XML_MALFORMED"),
        (b"<a>" * 33 + b"</a>" * 33, "XML_TOO_DEEP"),
        (b"<a>" + b"<b/>" * 100_001 + b"</a>", "XML_TOO_LARGE"),
        (b" " * (2 * 1024 * 1024 + 1), "XML_TOO_LARGE"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "XML_FORBIDDEN"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "XML_FORBIDDEN"),
        (b"<a>&undeclared;</a>", "XML_MALFORMED"),
        (b"<alert/>", "NOT_CAP_1_2"),
        (cap(scope="Private"), "NOT_PUBLIC"),
        (cap(status="Draft"), "NOT_ACTIONABLE"),
        (cap(kind="Ack", references=reference("x")), "NOT_ACTIONABLE"),
        (cap(status="Perhaps"), "SCHEMA_VIOLATED"),
        (cap("with,comma"), "RULE_VIOLATED"),
        (cap(info=False), "RULE_VIOLATED"),
        (cap(kind="Cancel"), "RULE_VIOLATED"),
        (cap(sent=NOW + timedelta(hours=1)), "RULE_VIOLATED"),
        (cap(expires=SENT - timedelta(hours=1)), "RULE_VIOLATED"),
        (cap().replace(b"<event>Flood</event>", b""), "SCHEMA_VIOLATED"),
        (cap().replace(b"<event>Flood", b"<event>"), "RULE_VIOLATED"),
        (cap().replace(b"<alert ", b'<alert id="x" '), "SCHEMA_VIOLATED"),
        (cap().replace(b"-00:00", b"Z", 1), "SCHEMA_VIOLATED"),
        (cap().replace(b"2026-05-04", b"2026-02-30"), "SCHEMA_VIOLATED"),
        (cap(inside=geocode("1") + "<polygon>1,1 2,2 3,1 1,1</polygon>"), "SCHEMA_VIOLATED"),
        (cap(inside="<altitude>high</altitude>"), "SCHEMA_VIOLATED"),
        (cap(inside="<ceiling>100</ceiling>"), "SCHEMA_VIOLATED"),
    ][:-1],
)
def test_a_document_that_is_none_is_refused_with_its_reason(data, reason):
    assert refused(data, lenient=True).reason == reason


@pytest.mark.parametrize(
    ("inside", "rule"),
    [
        ("<polygon></polygon>", "polygon-empty"),
        ("<polygon>1,1 2,2 1,1</polygon>", "polygon-too-short"),
        ("<polygon>1,1 1,1 1,1 1,1</polygon>", "polygon-too-short"),
        ("<polygon>1,1 x 2,2 1,1</polygon>", "coordinates-unreadable"),
        ("<polygon>1,1 2,nan 2,2 1,1</polygon>", "coordinates-unreadable"),
        ("<polygon>91,1 2,2 1,3 91,1</polygon>", "coordinates-out-of-range"),
        ("<polygon>0,0 2,2 0,2 2,0 0,0</polygon>", "polygon-crosses-itself"),
        (
            "<polygon>0,0 9,0 9,9 0,9 0,0</polygon><polygon>1,1 2,1 2,2 1,1</polygon>",
            "polygon-within-another",
        ),
        ("<circle>1,1</circle>", "circle-unreadable"),
        ("<circle>1,1 -5</circle>", "circle-unreadable"),
        ("<circle>1,1 inf</circle>", "circle-unreadable"),
        ("<ceiling>100</ceiling>", "ceiling-without-altitude"),
    ],
)
def test_a_faulty_area_is_refused_or_noted_and_never_lost(inside, rule):
    data = cap(inside=inside)
    refusal = refused(data)
    assert refusal.reason == "RULE_VIOLATED"
    assert [finding.rule for finding in refusal.findings] == [rule]
    _, findings = judged(data, lenient=True)
    assert [(finding.rule, "alert/info[1]/area[1]/" in finding.path) for finding in findings] == [
        (rule, True)
    ]


def test_what_can_still_be_drawn_is_noted_only():
    _, findings = judged(cap(inside="<polygon>1,179 2,181 3,179 2,178</polygon>"))
    assert {finding.rule for finding in findings} == {"polygon-open", "beyond-antimeridian"}


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_documents_never_end_in_anything_but_a_verdict(data):
    document = bytearray(cap(inside=geocode("110000") + "<altitude>1</altitude>", references=reference("x")))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(document) - 1))
        match data.draw(st.sampled_from(["set", "cut", "double"])):
            case "set":
                document[at] = data.draw(st.integers(0, 255))
            case "cut":
                del document[at : at + data.draw(st.integers(1, 40))]
            case "double":
                document[at:at] = document[at : at + data.draw(st.integers(1, 60))]
        if not document:
            break
    try:
        judged(bytes(document), lenient=data.draw(st.booleans()))
    except RefusedError as refusal:
        assert refusal.reason  # noqa: PT017 - either verdict is right
