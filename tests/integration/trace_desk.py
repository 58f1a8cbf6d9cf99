"""A trace desk on the real NATS and the real warehouse, and officers who sign."""

import ipaddress
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nacl.signing
import numpy as np

from sixfold.address import service as address
from sixfold.address.config import AddressSettings
from sixfold.api.address.v1 import translation_pb2 as rules_pb
from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, NAT_SESSION
from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.api.identity.v1.audit_pb2_grpc import AuditServiceStub
from sixfold.api.identity.v1.bindings_pb2_grpc import BindingLogServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.api.identity.v1.trace_pb2_grpc import TraceServiceStub
from sixfold.api.subjects import nat_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect
from sixfold.credit import service as credit
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.identity import service as identity
from sixfold.identity.config import IdentitySettings, OfficerSettings, TraceSettings
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.trace.admission import signed_bytes

ROLES = {
    "alice": ("requester", "person-requester", "approver", "person-approver"),
    "bob": ("approver", "person-approver"),
    "carol": ("auditor", "eraser"),
}
HOUR = 3_600_000
DAY = 24 * HOUR


class Officer:
    def __init__(self, name):
        self.name = name
        self.key = nacl.signing.SigningKey.generate()

    def sign(self, rpc, statement, /, **changes):
        """A fresh statement of this officer, signed; `changes` spoil what is sent."""
        if not statement.made:
            statement.made = utc_milliseconds()
        statement.nonce = statement.nonce or secrets.token_bytes(16)
        data = statement.SerializeToString()
        signature = self.key.sign(signed_bytes(rpc, data)).signature
        return pb.Signed(**{"officer": self.name, "statement": data, "signature": signature, **changes})


@dataclass
class Desk:
    service: identity.Service
    credit: credit.Service
    messaging: Messaging
    channel: Any
    officers: dict[str, Officer]
    addresses: Any
    cases: int = 0
    batches: int = 0
    rules: int = 0

    @property
    def trace(self):
        return TraceServiceStub(self.channel)

    @property
    def audit(self):
        return AuditServiceStub(self.channel)

    @property
    def identity(self):
        return IdentityServiceStub(self.channel)

    @property
    def log(self):
        return BindingLogServiceStub(self.channel)

    async def put_rule(self, **kind):
        """A translation rule that has held for ten days."""
        self.rules += 1
        rule = rules_pb.TranslationRule(rule_id=f"r-{self.rules}", gateway="gw-1", **kind)
        rule.valid_from.FromMilliseconds(utc_milliseconds() - 10 * DAY)
        request = rules_pb.PutTranslationRuleRequest(rule=rule, take_over=True)
        await TranslationServiceStub(self.addresses).PutTranslationRule(request)

    async def open_case(self, officer="alice", **scope):
        self.cases += 1
        now = utc_milliseconds()
        told = {
            "prefixes": ["0.0.0.0/0", "2000::/3"],
            "not_before": now - 30 * DAY,
            "not_after": now + DAY,
            "max_questions": 20_000,
            "persons": True,
            **scope,
        }
        statement = pb.CaseStatement(
            case_number=f"K-{self.cases}", purpose="fraud", scope=pb.CaseScope(**told), expires=now + DAY
        )
        signed = self.officers[officer].sign("OpenCase", statement)
        return (await self.trace.OpenCase(pb.OpenCaseRequest(signed=signed))).case_number

    async def request(self, case, *questions, officer="alice"):
        statement = pb.TraceStatement(case_number=case, questions=questions)
        signed = self.officers[officer].sign("RequestTrace", statement)
        return await self.trace.RequestTrace(pb.RequestTraceRequest(signed=signed))

    async def approve(self, made, officer="bob", *, approved=True, expires=HOUR, question_hash=None):
        statement = pb.ApprovalStatement(
            trace_id=made.trace_id,
            question_hash=question_hash or made.question_hash,
            approved=approved,
            expires=utc_milliseconds() + expires,
        )
        signed = self.officers[officer].sign("ApproveTrace", statement)
        return await self.trace.ApproveTrace(pb.ApproveTraceRequest(signed=signed))

    async def answer(self, made, officer="alice"):
        signed = self.officers[officer].sign("GetAnswer", pb.ReadStatement(trace_id=made.trace_id))
        return await self.trace.GetAnswer(pb.GetAnswerRequest(signed=signed))

    async def traced(self, *questions):
        """The answers after everything that the law asks for."""
        made = await self.request(await self.open_case(), *questions)
        await self.approve(made)
        return (await self.answer(made)).answers

    async def export(self):
        statement = pb.ReadStatement()
        signed = self.officers["carol"].sign("ExportAudit", statement)
        from sixfold.api.identity.v1 import audit_pb2

        request = audit_pb2.ExportAuditRequest(signed=signed)
        return [line async for piece in self.audit.ExportAudit(request) for line in piece.lines]

    async def nat(self, *rows):
        """Publish NAT events as an agent does; each row is a mapping of column to value, addresses as text."""
        self.batches += 1
        columns = {}
        for column in NAT_SESSION.columns:
            if column.kind == ADDRESS:
                data = b"".join(_packed(row.get(column.name, "::")) for row in rows)
                columns[column.name] = np.frombuffer(data, np.uint8).reshape(-1, 16)
            else:
                values = [row.get(column.name, 0) for row in rows]
                columns[column.name] = np.array(values, column.dtype)
        columns["time_received"] = columns["time"]
        number = self.batches
        headers = BatchHeaders(
            NAT_SESSION.version, "gw-1", "*", "e", number, number, len(rows), 0, 0
        ).to_nats()
        await self.messaging.publish(nat_subject("gw-1", 1), encode(NAT_SESSION, columns), headers=headers)


def _packed(address):
    return ipaddress.IPv6Address(address if ":" in address else f"::ffff:{address}").packed


def session(time, event, inside, port, *, public="203.0.113.5", to="198.51.100.80", **more):
    return {
        "time": time,
        "event": event,
        "protocol": 6,
        "src_address": inside,
        "src_port": 40_000,
        "post_nat_src_address": public,
        "post_nat_src_port": port,
        "post_nat_dst_address": to,
        "post_nat_dst_port": 443,
        **more,
    }


def question(address, port=0, time=None, *, tolerance=0, protocol=6, **more):
    return pb.Question(
        address=address,
        port=port,
        protocol=protocol if port else 0,
        time=utc_milliseconds() if time is None else time,
        clock_tolerance=tolerance,
        **more,
    )


@asynccontextmanager
async def desk(url, telemetry, folder, *, gateways=None, sources=None, **trace):
    """gateways: GatewaySettings of the address centre; sources: SourceSettings of the identity centre, completed."""
    officers = {name: Officer(name) for name in ROLES}
    files = {}
    for name in ("pseudonym", "vault", "audit", "case"):
        files[name] = folder / f"{name}.key"
        if not files[name].exists():
            files[name].write_text(secrets.token_hex(32))
    for name, officer in officers.items():
        file = folder / f"{name}.seed"
        if file.exists():
            officer.key = nacl.signing.SigningKey(file.read_bytes())
        file.write_bytes(bytes(officer.key))
    async with AsyncExitStack() as stack:
        messaging = Messaging(NatsSettings(servers=(url,)))
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        addresses = address.build(
            AddressSettings(gateways=gateways), address.Dependencies(messaging, telemetry)
        )
        await addresses.start()
        stack.push_async_callback(addresses.stop)
        warehouse = credit.build(
            CreditSettings(
                warehouse=WarehouseSettings(dsn=f"chdb://{folder / 'warehouse'}"),
                loader=LoaderSettings(linger=0.02, stream_bytes=1 << 28, partitions=1),
            ),
            credit.Dependencies(messaging, telemetry),
        )
        await warehouse.start()
        stack.push_async_callback(warehouse.stop)
        settings = IdentitySettings(
            pseudonym_key_file=files["pseudonym"],
            vault_key_file=files["vault"],
            nat_sessions=False,
            sources=sources.model_copy(update={"address": addresses.rpc.address}) if sources else None,
            trace=TraceSettings(
                audit_key_file=files["audit"],
                case_key_file=files["case"],
                credit=warehouse.rpc.address,
                address=addresses.rpc.address,
                officers=tuple(
                    OfficerSettings(name=name, public_key=bytes(one.key.verify_key).hex(), roles=ROLES[name])
                    for name, one in officers.items()
                ),
                **trace,
            ),
        )
        service = identity.build(settings, identity.Dependencies(messaging, telemetry))
        await service.start()
        stack.push_async_callback(service.stop)
        channel = await stack.enter_async_context(connect(service.rpc.address))
        centre = await stack.enter_async_context(connect(addresses.rpc.address))
        yield Desk(service, warehouse, messaging, channel, officers, centre)
