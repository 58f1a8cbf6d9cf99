"""The trace desk put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.api.identity.v1.audit_pb2_grpc import add_AuditServiceServicer_to_server
from sixfold.api.identity.v1.trace_pb2_grpc import add_TraceServiceServicer_to_server
from sixfold.chassis.ledger import Ledger
from sixfold.chassis.lifecycle import Component
from sixfold.chassis.messaging import Messaging
from sixfold.identity.adapters.keyring import KeyRing
from sixfold.identity.adapters.vault import SealedVault
from sixfold.identity.audit.log import AuditLog
from sixfold.identity.audit.servicer import AuditServicer
from sixfold.identity.config import TraceSettings
from sixfold.identity.domain.case import Officer
from sixfold.identity.domain.registry import Registry
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.trace.admission import Admission
from sixfold.identity.trace.cases import CaseStore
from sixfold.identity.trace.desk import Desk
from sixfold.identity.trace.identifiers import TrustedIdentifiers
from sixfold.identity.trace.logs import WarehouseLogs
from sixfold.identity.trace.resolve import Resolver
from sixfold.identity.trace.retention import Retention
from sixfold.identity.trace.rules import AddressRules
from sixfold.identity.trace.servicer import Admitted, TraceServicer
from sixfold.identity.trace.trail import Trail

HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class TraceDesk:
    """before: what starts before the server of gRPC; after: what may call others."""

    before: Sequence[Component]
    after: Sequence[Component]
    services: Sequence[tuple[Callable[[Any, Any], None], Any]]
    audit: AuditLog
    resolver: Resolver
    retention: Retention


def build_desk(
    settings: TraceSettings,
    messaging: Messaging,
    ledger: Ledger[Registry],
    vault: SealedVault,
    clock: Callable[[], int] = utc_milliseconds,
) -> TraceDesk:
    """Inert until its components are started."""

    def ring(stream: str, prefix: str) -> KeyRing:
        return KeyRing(
            messaging,
            stream=stream,
            prefix=prefix,
            setting="case_key_file",
            key_file=settings.case_key_file,
            remember=1_000,
        )

    audit = AuditLog(messaging, key_file=settings.audit_key_file, origin=settings.origin, clock=clock)
    trail = Trail(audit, clock)
    cases = CaseStore(messaging, ring("TRACE_CASE_KEYS", "case-key"))
    identifiers = TrustedIdentifiers(
        messaging,
        ring("TRACE_IDENTIFIER_KEYS", "identifier-key"),
        networks=settings.identifier_networks,
        lifetime=settings.identifier_hours * 3_600,
        registry=lambda: ledger.state,
        clock=clock,
    )
    logs = WarehouseLogs(settings.credit, settings.client)
    rules = AddressRules(settings.address, settings.client)
    resolver = Resolver(
        registry=lambda: ledger.state,
        logs=logs,
        rules=rules,
        identifiers=identifiers,
        lookback=settings.lookback_hours * HOUR,
    )
    officers = {
        one.name: Officer(one.name, bytes.fromhex(one.public_key), frozenset(one.roles))
        for one in settings.officers
    }
    admission = Admission(officers, freshness=settings.statement_seconds * 1000, clock=clock)
    admitted = Admitted(admission, trail)
    desk = Desk(admission=admission, cases=cases, resolver=resolver, vault=vault, trail=trail, clock=clock)

    async def auditor(signed: pb.Signed) -> None:
        async def exported(officer: Officer, _: pb.ReadStatement) -> None:
            officer.require("auditor")
            await trail.record("audit-exported", officer=officer.name)

        await admitted("ExportAudit", signed, pb.ReadStatement, exported)

    retention = Retention(
        ledger=ledger,
        logs=logs,
        vault=vault,
        cases=cases,
        identifiers=identifiers,
        trail=trail,
        clock=clock,
        log_days=settings.log_days,
        person_days=settings.person_days,
        case_days=settings.case_days,
        hours=settings.retention_hours,
    )
    return TraceDesk(
        before=(audit, cases, identifiers, logs, rules),
        after=(retention,),
        services=(
            (add_TraceServiceServicer_to_server, TraceServicer(desk, admitted, identifiers.issue)),
            (add_AuditServiceServicer_to_server, AuditServicer(audit, auditor)),
        ),
        audit=audit,
        resolver=resolver,
        retention=retention,
    )
