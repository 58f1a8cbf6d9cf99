"""Policies in force: refusals, what is remembered, what is put back, expiry, a clock that goes back.

The kernel is stood in for by what it was told last; the real one is in tests/scenario/test_mitigation.py.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nkeys
import pytest

from sixfold.agent.commands import Commands
from sixfold.agent.config import BgpPeer, BgpSettings, CommandSettings, PolicySettings
from sixfold.agent.counters import Counters
from sixfold.agent.gateway import nft
from sixfold.agent.gateway.apply import ApplyError
from sixfold.agent.gateway.control import ControlRefusal
from sixfold.agent.gateway.policy import counts, speaker
from sixfold.agent.gateway.policy.control import Forward, PolicyControl, clear
from sixfold.agent.gateway.policy.counts import Count
from sixfold.agent.gateway.policy.divert import Announced, Route, read_announced, write_routes
from sixfold.agent.gateway.policy.report import PolicyReports
from sixfold.agent.gateway.policy.speaker import Speaker
from sixfold.agent.gateway.protect import protected_networks
from sixfold.agent.gateway.remembered import RememberedError
from sixfold.agent.gateway.system import ProgramError
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.chassis.messaging import BusUnavailableError

from .policies import policy, told


class Kernel:
    """The table: its rules, and counters that keep while their policy does."""

    def __init__(self) -> None:
        self.rules = ""
        self.counts: dict[str, Count] = {}
        self.loads: list[str] = []
        self.broken = False

    def load(self, text: str) -> None:
        if self.broken:
            raise ProgramError("nft -f -: exit 1: it does not work")
        self.loads.append(text)
        for line in text.splitlines():
            match line.split():
                case ["add", "rule", *_]:
                    self.rules += line
                case ["flush", "chain", *_]:
                    self.rules = ""
                case ["add", "counter", _, _, name]:
                    self.counts.setdefault(name.rpartition("_")[0], Count(7, 700, 5, 500))
                case ["delete", "counter", _, _, name]:
                    self.counts.pop(name.rpartition("_")[0], None)
                case _:
                    pass

    def read(self, _: str) -> str:
        return self.rules

    def objects(self, _: str) -> list[tuple[str, str]]:
        return [("counter", f"{name}{end}") for name in self.counts for end in ("_matched", "_acted")]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(nft, "load", made.load)
    monkeypatch.setattr(counts, "read_rules", made.read)
    monkeypatch.setattr(counts, "read_counts", lambda _: dict(made.counts))
    monkeypatch.setattr(counts, "read_objects", made.objects)
    return made


class Times:
    def __init__(self) -> None:
        self.wall, self.steady = datetime.now(UTC), 0.0

    def pass_(self, seconds: float, wall: float | None = None) -> None:
        self.steady += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)


def control(folder: Path, times: Times, **settings: Any) -> PolicyControl:
    return PolicyControl(
        folder,
        PolicySettings(enabled=True, **settings),
        protected=lambda: protected_networks(["nats://10.0.0.5:4222"], ["2001:db8:ffff::/48"]),
        nat64=lambda: (),
        counters=Counters(),
        clock=lambda: times.wall,
        steady=lambda: times.steady,
    )


def lasting(times: Times, policy_id: str = "m1", seconds: float = 300, **parts: Any) -> pb.Policy:
    return policy(policy_id, expires=times.wall + timedelta(seconds=seconds), **parts)


async def refused(one: PolicyControl, message: pb.SetPolicies) -> str:
    with pytest.raises(ControlRefusal) as refusal:
        await one.enforce(message)
    return refusal.value.cause


async def test_only_newer_harmless_and_bounded_policies_are_taken(tmp_path: Path, kernel: Kernel) -> None:
    times = Times()
    one = control(tmp_path, times)
    good = told(lasting(times), generation=5)
    assert await one.enforce(good) == ["m1"]
    assert await one.enforce(good) == ["m1"]
    before = kernel.rules
    assert await refused(one, told(lasting(times), generation=4)) == "old-generation"
    assert await refused(one, told(lasting(times, "m2"), generation=5)) == "old-generation"
    cutting = told(lasting(times, match={"sources": ["10.0.0.0/24"]}), generation=6)
    assert await refused(one, cutting) == "cuts-management"
    assert (
        await refused(one, told(lasting(times, match={"sources": ["0.0.0.0/0"]}), generation=6))
        == "invalid-policy"
    )
    assert await refused(one, told(lasting(times, seconds=86_500), generation=6)) == "too-long"
    hole = lasting(
        times,
        match={"destinations": ["203.0.113.7/32"]},
        action={"kind": "KIND_DIVERT", "route": "ROUTE_BLACKHOLE"},
    )
    assert await refused(one, told(hole, generation=6)) == "no-peers"
    assert kernel.rules == before
    assert one.generation == 5
    kernel.broken = True
    with pytest.raises(ApplyError, match="what was before is in force again"):
        await one.enforce(told(lasting(times, "m3"), generation=7))
    assert one.generation == 5


async def test_they_are_remembered_and_put_back_where_somebody_took_them_away(
    tmp_path: Path, kernel: Kernel
) -> None:
    times = Times()
    await control(tmp_path, times).enforce(told(lasting(times), generation=3))
    kernel.rules = ""
    again = control(tmp_path, times)
    await again.start()
    assert "m1_matched" in kernel.rules
    assert again.generation == 3
    kernel.rules = "somebody's"
    report = await again.look()
    assert report is not None
    assert (report.generation, report.policies[0].matched_packets, report.policies[0].acted_bytes) == (
        3,
        7,
        500,
    )
    assert "m1_matched" in kernel.rules
    (tmp_path / "policies.binpb").write_bytes(b"\xff\xff")
    with pytest.raises(RememberedError, match="policy clear"):
        control(tmp_path, times)


async def test_they_end_by_themselves_and_their_last_numbers_are_told_once(
    tmp_path: Path, kernel: Kernel
) -> None:
    times = Times()
    one = control(tmp_path, times)
    await one.enforce(told(lasting(times, "m1", 300), lasting(times, "m2", 10), generation=1))
    times.pass_(11)
    report = await one.look()
    assert report is not None
    assert [(count.policy_id, count.ended, count.acted_packets) for count in report.policies] == [
        ("m2", True, 5), ("m1", False, 5),
    ]  # fmt: skip
    assert "m2" not in kernel.rules
    one.told(report)
    later = await one.look()
    assert later is not None
    assert [count.policy_id for count in later.policies] == ["m1"]
    assert (await control(tmp_path, times).look()) is not None


async def test_a_clock_that_goes_back_prolongs_nothing(tmp_path: Path, kernel: Kernel) -> None:
    times = Times()
    one = control(tmp_path, times)
    await one.enforce(told(lasting(times, "m1", 60), lasting(times, "m2", 200), generation=1))
    times.pass_(50)
    await one.look()
    times.pass_(11, wall=-3600)
    report = await one.look()
    assert report is not None
    assert [count.policy_id for count in report.policies if not count.ended] == ["m2"]
    restarted = control(tmp_path, times)
    await restarted.start()
    times.pass_(160)
    report = await restarted.look()
    assert report is not None
    assert not [count for count in report.policies if not count.ended]
    # What is told anew is by the clock as it stands.
    await restarted.enforce(told(lasting(times, "m3", 60), generation=2))
    assert "m3" in kernel.rules


def test_forward_grows_with_the_steady_clock_and_follows_a_wall_that_is_ahead() -> None:
    times = Times()
    forward = Forward(lambda: times.wall, lambda: times.steady)
    first = forward()
    times.pass_(5, wall=-100)
    assert forward() == first + timedelta(seconds=5)
    times.pass_(0, wall=3600)
    assert forward() == times.wall
    times.pass_(0, wall=-3600)
    forward.follow()
    assert forward() == times.wall


async def test_cleared_by_hand_nothing_is_in_force_and_it_is_told(tmp_path: Path, kernel: Kernel) -> None:
    times = Times()
    one = control(tmp_path, times)
    await one.enforce(told(lasting(times), generation=9))
    clear(tmp_path, PolicySettings())
    report = await one.look()
    assert report is not None
    assert (report.generation, len(report.policies)) == (0, 0)
    assert await one.enforce(told(lasting(times), generation=9)) == ["m1"]


class Bus:
    def __init__(self) -> None:
        self.ready = False
        self.away = False
        self.reports: list[pb.PolicyReport] = []

    async def publish(self, subject: str, data: bytes, **_: Any) -> None:
        assert subject == "report.gw-1.policy"
        if self.away:
            raise BusUnavailableError("away")
        self.reports.append(pb.PolicyReport.FromString(data))


async def test_what_cannot_be_told_is_told_later(tmp_path: Path, kernel: Kernel) -> None:
    times, bus, counters = Times(), Bus(), Counters()
    one = control(tmp_path, times)
    reports = PolicyReports(
        "gw-1", control=one, messaging=bus, counters=counters, seconds=0.01, clock=lambda: times.steady  # type: ignore[arg-type]
    )  # fmt: skip
    await one.enforce(told(lasting(times, "m1", 10)))
    await reports.look()
    times.pass_(11)
    bus.ready, bus.away = True, True
    await reports.look()
    assert bus.reports == []
    bus.away = False
    await reports.look()
    assert [(count.policy_id, count.ended) for count in bus.reports[0].policies] == [("m1", True)]
    await reports.look()
    assert len(bus.reports) == 1
    times.pass_(31)
    await reports.look()
    assert (bus.reports[1].gateway, len(bus.reports[1].policies)) == ("gw-1", 0)
    assert counters.snapshot()['reports{outcome="told"}'] == 2


class Exabgp:
    """Its end of the pipe."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.answers: list[str] = []

    def write(self, text: str) -> int:
        self.said += text.splitlines()
        return len(text)

    def flush(self) -> None:
        return

    def answer(self) -> str:
        return self.answers.pop(0) if self.answers else "done"


def test_the_speaker_announces_withdraws_and_tells_what_was_refused(tmp_path: Path) -> None:
    exabgp, now = Exabgp(), [100.0]

    def speak() -> Speaker:
        return Speaker(tmp_path, exabgp, exabgp.answer, clock=lambda: now[0])  # type: ignore[arg-type]

    one = speak()
    wanted = [Route("m1", 200, "route a"), Route("m2", 150, "route b"), Route("m3", 200, "nonsense")]
    exabgp.answers = ["done", "done", "error"]
    one.look(wanted)
    one.look(wanted)
    assert exabgp.said == ["announce route a", "announce route b", "announce nonsense"]
    assert read_announced(tmp_path) == Announced(
        {"m1": 1, "m2": 1}, ("m3: nonsense",), ("route a", "route b")
    )
    now[0] = 151
    one.look(wanted)
    assert exabgp.said[3:] == ["withdraw route b"]
    assert read_announced(tmp_path).routes == {"m1": 1}
    # Another one in the same ExaBGP takes back what it does not want, whoever said it.
    speak().look([])
    assert exabgp.said[4:] == ["withdraw route a"]
    assert read_announced(tmp_path).routes == {}


async def test_diversions_are_handed_on_and_counted(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = Times()
    runs: list[Sequence[str]] = []
    monkeypatch.setattr(speaker, "ensure_running", lambda *_: runs.append("started") or "")
    monkeypatch.setattr(speaker, "is_running", lambda *_: False)
    bgp = BgpSettings(
        peers=(BgpPeer(address="192.0.2.2", local_address="192.0.2.1", peer_as=64512),), most_routes=1
    )
    one = control(tmp_path, times, bgp=bgp)
    hole = {"kind": "KIND_DIVERT", "route": "ROUTE_BLACKHOLE"}
    many = lasting(times, match={"destinations": ["203.0.113.7/32", "203.0.113.9/32"]}, action=hole)
    assert await refused(one, told(many)) == "too-many-routes"
    await one.enforce(told(lasting(times, match={"destinations": ["203.0.113.7/32"]}, action=hole)))
    assert runs == ["started"]
    Speaker(tmp_path, Exabgp(), lambda: "done").look([Route("m1", times.wall.timestamp() + 60, "route x")])  # type: ignore[arg-type]
    report = await one.look()
    assert report is not None
    assert report.policies[0].routes == 1
    assert runs == ["started"] * 2
    write_routes(tmp_path, ())


def test_configuration_of_exabgp_names_each_peer(tmp_path: Path) -> None:
    peers = (
        BgpPeer(address="192.0.2.2", local_address="192.0.2.1", peer_as=64513),
        BgpPeer(address="2001:db8::2", local_address="2001:db8::1", peer_as=64514, port=1790),
    )
    text = speaker.configuration(BgpSettings(peers=peers), tmp_path)
    assert text.count("neighbor ") == 2
    assert "  connect 1790;" in text


PAIRS = [nkeys.from_seed(nkeys.encode_seed(letter * 32, nkeys.PREFIX_BYTE_USER)) for letter in (b"s", b"a")]
SECURITY, OTHER = (bytes(pair.public_key).decode() for pair in PAIRS)


def signed(message: pb.SetPolicies, issuer: int = 0, *, command_id: str = "c1", seconds: float = 60) -> bytes:
    command = pb.Command(id=command_id, gateway="gw-1", set_policies=message)
    command.expires.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    data = command.SerializeToString()
    name = (SECURITY, OTHER)[issuer]
    return pb.SignedCommand(command=data, signature=PAIRS[issuer].sign(data), issuer=name).SerializeToString()


async def test_only_the_security_centre_is_obeyed_once_and_in_time(tmp_path: Path, kernel: Kernel) -> None:
    times, receipts = Times(), list[pb.Receipt]()

    class Receipts:
        async def publish(self, _: str, data: bytes, **_options: Any) -> None:
            receipts.append(pb.Receipt.FromString(data))

    settings = PolicySettings(enabled=True, issuers=(SECURITY,))

    def commands(one: PolicyControl | None) -> Commands:
        return Commands(
            gateway="gw-1",
            settings=CommandSettings(issuers=(OTHER,)),
            folder=tmp_path / "alerts",
            messaging=Receipts(),  # type: ignore[arg-type]
            counters=Counters(),
            policy_control=one,
            policies=settings,
        )

    async def send(to: Commands, *data: bytes) -> list[tuple[str, str, int]]:
        receipts.clear()
        for number, one in enumerate(data):
            sequence = len(sent) + number
            await to.handle([SimpleNamespace(data=one, sequence=sequence, delivered=1)])  # type: ignore[list-item]
        sent.extend(data)
        name = pb.Receipt.Outcome.Name
        return [
            (name(one.outcome).removeprefix("OUTCOME_"), one.cause.partition(":")[0], one.generation)
            for one in receipts
        ]

    sent: list[bytes] = []
    obeying = commands(control(tmp_path / "policies", times))
    good = signed(told(lasting(times), generation=2))
    forged = pb.SignedCommand.FromString(good)
    forged.command = forged.command.replace(b"203.0.113.7", b"203.0.113.9")
    found = await send(
        obeying,
        good,
        good,
        forged.SerializeToString(),
        signed(told(generation=3), issuer=1),
        signed(told(generation=3), seconds=-1),
        signed(told(generation=1), command_id="c2"),
        signed(told(lasting(times, match={"sources": ["10.0.0.0/8"]}), generation=3), command_id="c3"),
    )
    assert found == [
        ("APPLIED", "", 2),
        ("DUPLICATE", "", 0),
        ("REFUSED", "bad-signature", 2),
        ("REFUSED", "issuer-not-allowed", 3),
        ("EXPIRED", "expired", 3),
        ("REFUSED", "old-generation", 1),
        ("REFUSED", "cuts-management", 3),
    ]
    assert len(kernel.loads) == 1
    assert await send(commands(None), signed(told(generation=4), command_id="c4")) == [
        ("REFUSED", "not-enabled", 4)
    ]
