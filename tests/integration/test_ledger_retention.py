"""The register's own events are given up with the logs: who held an address long ago stands nowhere any more."""

import io
import json
import zlib

import pytest

from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.chassis.ledger import SNAPSHOT_BUCKET
from sixfold.identity.domain.prefix import parse_prefix
from sixfold.identity.handlers import utc_milliseconds

from .test_identity import bind, enrolled
from .trace_desk import DAY, desk

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
PAST, LASTING = "2001:db8:aaaa::/56", "2001:db8:bbbb::/56"


async def written(messaging) -> bytes:
    """All that the bus holds of the register: its events, and its snapshot unpacked."""
    info = (await messaging.js.stream_info("LEDGER_IDENTITY")).state
    found = b""
    for sequence in range(max(info.first_seq, 1), info.last_seq + 1):
        found += (await messaging.js.get_msg("LEDGER_IDENTITY", sequence)).data or b""
    store = await messaging.js.object_store(SNAPSHOT_BUCKET)
    snapshot = io.BytesIO()
    await store.get("identity", snapshot)
    head, _, rest = snapshot.getvalue().partition(b"\n")
    return found + zlib.decompress(rest[json.loads(head)["keys"] :])


def traces(prefix: str, data: bytes) -> bool:
    network = parse_prefix(prefix)
    return network.packed in data or str(network.network).encode() in data


async def test_a_binding_that_ended_is_forgotten_and_one_that_lasts_is_not(nats_url, telemetry, tmp_path):
    async with desk(nats_url, telemetry, tmp_path, person_days=400) as made:
        _, terminal = await enrolled(made.identity)
        ended = await bind(made.identity, terminal, PAST, "past")
        await bind(made.identity, terminal, LASTING, "lasting")
        await made.identity.ReleaseBinding(pb.ReleaseBindingRequest(binding_id=ended.binding.binding_id))
        retention = made.service.desk.retention

        async def nothing_old(before):
            return {}, {}

        # The warehouse would refuse a day that has not come; its own erasure has its own test.
        retention._logs.erase = nothing_old
        await retention.run()
        before = (await made.messaging.js.stream_info("LEDGER_IDENTITY")).state.messages
        assert before >= 4, "nothing is old yet"
        retention._clock = lambda: utc_milliseconds() + 191 * DAY
        await retention.run()
        data = await written(made.messaging)
        assert not traces(PAST, data)
        assert traces(LASTING, data)
        records = [json.loads(json.loads(line)["record"]) for line in (await made.export())[1:]]
        (cut,) = [one for one in records if one["event"] == "ledger-cut"]
        assert cut["events"] >= before
    async with desk(nats_url, telemetry, tmp_path, person_days=400) as made:
        found = await made.identity.LookupTerminal(pb.LookupTerminalRequest(address="2001:db8:bbbb::1"))
        assert found.terminal.terminal == terminal
        assert await enrolled(made.identity) == (found.terminal.subscriber, terminal)
        again = await bind(made.identity, terminal, PAST, "past")
        assert again.binding.binding_id > ended.binding.binding_id
