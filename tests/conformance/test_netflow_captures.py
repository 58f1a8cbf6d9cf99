"""Every NetFlow and IPFIX capture beside tshark and pmacct. `-s` prints the table."""

import shutil
from pathlib import Path

import netflow_cases
import netflow_table
import pytest
from netflow_compare import Outcome, compare
from netflow_golden import golden

pytestmark = [
    pytest.mark.skipif(not netflow_cases.SHARED.is_dir(), reason=f"no captures at {netflow_cases.SHARED}"),
]
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (apt: tshark)"
)

# Where we and tshark differ, and how far; docs/operators/conformance.md says why, and who is right.
DIFFERENCES: dict[str, tuple[int, int, int, int]] = {
    # missing, extra, times, accounted - tshark
    "logstash/ipfix.dat": (0, 0, 2, 0),
    "logstash/netflow5.dat": (0, 0, 2, 0),
    "logstash/netflow5_test_invalid01.dat": (0, 0, 1, 0),
    "logstash/netflow5_test_invalid02.dat": (0, 0, 59, 0),
    "logstash/netflow9_test_fortigate_fortios_521_data257.dat": (0, 0, 2, 0),
    "logstash/netflow9_test_h3c_data3281.dat": (0, 15, 0, 15),
    "logstash/netflow9_test_invalid01.dat": (0, 2, 0, 3),
    "logstash/netflow9_test_nprobe_data.dat": (0, 0, 1, 0),
    "pmacct/112-IPFIXv10-CISCO-options-map-reassignment/traffic-00.pcap": (0, 9, 0, 9),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    directory = tmp_path_factory.mktemp("captures")
    found = [compare(case, directory) for case in netflow_cases.cases()]
    print("\n" + netflow_table.render([netflow_table.line(outcome) for outcome in found]))
    return found


@needs_tshark
@pytest.mark.timeout(600)
def test_every_capture_is_read_as_tshark_reads_it(outcomes: list[Outcome]) -> None:
    wrong = {}
    for outcome in outcomes:
        missing, extra, times, records = DIFFERENCES.get(outcome.case.name, (0, 0, 0, 0))
        got = (
            len(outcome.missing),
            len(outcome.extra),
            len(outcome.times_differ),
            outcome.accounted - outcome.oracle,
        )
        if got != (missing, extra, times, records):
            wrong[outcome.case.name] = (got, outcome.missing[:3], outcome.extra[:3], outcome.times_differ[:3])
    assert not wrong
    assert len(outcomes) > 70
    assert sum(outcome.flows for outcome in outcomes) > 4000


@needs_tshark
@pytest.mark.timeout(600)
def test_nothing_is_left_unread_that_tshark_reads(outcomes: list[Outcome]) -> None:
    assert [o.case.name for o in outcomes if o.unread > o.oracle_unread] == []


@pytest.mark.parametrize(
    "directory",
    sorted((netflow_cases.SHARED / "pmacct").glob("*/")) if netflow_cases.SHARED.is_dir() else [],
    ids=lambda path: path.name,
)
def test_sums_are_those_of_pmacct(directory: Path) -> None:
    both = golden(directory)
    assert both.ours
    assert both.differing == {}
