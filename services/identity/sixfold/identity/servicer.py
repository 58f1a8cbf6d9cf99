"""IdentityService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1 import identity_pb2_grpc
from sixfold.chassis.rpc import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RpcError,
    Unavailable,
)
from sixfold.identity.domain import decisions
from sixfold.identity.domain.decisions import Known
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Binding, BindingWish, Lifecycle, RefusedError, Subscriber, Terminal
from sixfold.identity.handlers import Identities
from sixfold.identity.ports import VaultError

LARGEST_BATCH: Final = 1_000
Answer = TypeVar("Answer")

KINDS = {pb.SUBSCRIBER_KIND_PERSON: "person", pb.SUBSCRIBER_KIND_ORGANISATION: "organisation"}
CLASSES = {
    pb.TERMINAL_CLASS_PERSON: "person",
    pb.TERMINAL_CLASS_ENTERPRISE: "enterprise",
    pb.TERMINAL_CLASS_HOME_GATEWAY: "home-gateway",
    pb.TERMINAL_CLASS_LTE: "lte",
    pb.TERMINAL_CLASS_IOT: "iot",
}
KIND_OF = {word: kind for kind, word in KINDS.items()}
CLASS_OF = {word: kind for kind, word in CLASSES.items()}
STATE_OF = {
    Lifecycle.ACTIVE: pb.LIFECYCLE_STATE_ACTIVE,
    Lifecycle.SUSPENDED: pb.LIFECYCLE_STATE_SUSPENDED,
    Lifecycle.RETIRED: pb.LIFECYCLE_STATE_RETIRED,
}


def refusal(error: RefusedError) -> RpcError:
    match error.kind:
        case "invalid":
            return InvalidArgument(error.field, error.detail, error.reason)
        case "unknown":
            return NotFound(error.detail, reason=error.reason)
        case "exists":
            return AlreadyExists(error.detail, reason=error.reason)
        case _:
            return FailedPrecondition(error.detail, reason=error.reason)


def granted(answers: Sequence[Known[Answer] | RefusedError]) -> Known[Answer]:
    """The one answer of a call that asked for one thing."""
    if isinstance(answers[0], RefusedError):
        raise refusal(answers[0]) from answers[0]
    return answers[0]


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    @property
    def _registry(self) -> Registry:
        return self._identities.registry

    async def EnrolSubscriber(
        self, request: pb.EnrolSubscriberRequest, context: Any
    ) -> pb.EnrolSubscriberResponse:
        answer = granted(await self._enrol_subscribers([request]))
        return pb.EnrolSubscriberResponse(
            subscriber=self._subscriber(answer.value), repeated_call=answer.known
        )

    async def BatchEnrolSubscribers(
        self, request: pb.BatchEnrolSubscribersRequest, context: Any
    ) -> pb.BatchEnrolSubscribersResponse:
        _require_small(request.requests)
        results: list[pb.EnrolSubscriberResult] = []
        for answer in await self._enrol_subscribers(request.requests):
            if isinstance(answer, RefusedError):
                results.append(pb.EnrolSubscriberResult(refused=refused_message(answer)))
            else:
                enrolled = pb.EnrolSubscriberResponse(
                    subscriber=self._subscriber(answer.value), repeated_call=answer.known
                )
                results.append(pb.EnrolSubscriberResult(enrolled=enrolled))
        return pb.BatchEnrolSubscribersResponse(results=results)

    async def _enrol_subscribers(
        self, requests: Sequence[pb.EnrolSubscriberRequest]
    ) -> list[Known[Subscriber] | RefusedError]:
        wishes = [(wish.person_reference, KINDS.get(wish.kind, "person")) for wish in requests]
        try:
            return await self._identities.enrol_subscribers(wishes)
        except VaultError as error:
            raise Unavailable(str(error), reason="VAULT_UNAVAILABLE") from error

    async def EnrolTerminal(self, request: pb.EnrolTerminalRequest, context: Any) -> pb.EnrolTerminalResponse:
        answer = granted(await self._enrol_terminals([request]))
        return pb.EnrolTerminalResponse(terminal=self._terminal(answer.value), repeated_call=answer.known)

    async def BatchEnrolTerminals(
        self, request: pb.BatchEnrolTerminalsRequest, context: Any
    ) -> pb.BatchEnrolTerminalsResponse:
        _require_small(request.requests)
        results: list[pb.EnrolTerminalResult] = []
        for answer in await self._enrol_terminals(request.requests):
            if isinstance(answer, RefusedError):
                results.append(pb.EnrolTerminalResult(refused=refused_message(answer)))
            else:
                enrolled = pb.EnrolTerminalResponse(
                    terminal=self._terminal(answer.value), repeated_call=answer.known
                )
                results.append(pb.EnrolTerminalResult(enrolled=enrolled))
        return pb.BatchEnrolTerminalsResponse(results=results)

    async def _enrol_terminals(
        self, requests: Sequence[pb.EnrolTerminalRequest]
    ) -> list[Known[Terminal] | RefusedError]:
        for wish in requests:
            if wish.terminal_class not in CLASSES:
                raise InvalidArgument("terminal_class", "one of the classes is needed", "CLASS_UNKNOWN")
        return await self._identities.enrol_terminals(
            [(wish.subscriber, CLASSES[wish.terminal_class], wish.hardware_reference) for wish in requests]
        )

    async def GetSubscriber(self, request: pb.GetSubscriberRequest, context: Any) -> pb.GetSubscriberResponse:
        try:
            found = decisions.subscriber_of(self._registry, request.subscriber)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.GetSubscriberResponse(subscriber=self._subscriber(found))

    async def GetTerminal(self, request: pb.GetTerminalRequest, context: Any) -> pb.GetTerminalResponse:
        try:
            found = decisions.terminal_of(self._registry, request.terminal)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.GetTerminalResponse(terminal=self._terminal(found))

    async def LookupTerminal(
        self, request: pb.LookupTerminalRequest, context: Any
    ) -> pb.LookupTerminalResponse:
        try:
            terminal, binding = decisions.lookup(self._registry, request.address, request.port)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.LookupTerminalResponse(terminal=self._terminal(terminal), binding=binding_message(binding))

    async def Suspend(self, request: pb.SuspendRequest, context: Any) -> pb.SuspendResponse:
        await self._change(request.pseudonym, Lifecycle.SUSPENDED, request.reason)
        return pb.SuspendResponse(state=pb.LIFECYCLE_STATE_SUSPENDED)

    async def Resume(self, request: pb.ResumeRequest, context: Any) -> pb.ResumeResponse:
        await self._change(request.pseudonym, Lifecycle.ACTIVE, request.reason)
        return pb.ResumeResponse(state=pb.LIFECYCLE_STATE_ACTIVE)

    async def Retire(self, request: pb.RetireRequest, context: Any) -> pb.RetireResponse:
        released = await self._change(request.pseudonym, Lifecycle.RETIRED, request.reason)
        return pb.RetireResponse(state=pb.LIFECYCLE_STATE_RETIRED, released_bindings=released)

    async def _change(self, pseudonym: str, to: Lifecycle, reason: str) -> int:
        try:
            return await self._identities.change(pseudonym, to, reason)
        except RefusedError as error:
            raise refusal(error) from error

    async def BindAddress(self, request: pb.BindAddressRequest, context: Any) -> pb.BindAddressResponse:
        answer = granted(await self._identities.bind([binding_wish(request)]))
        return pb.BindAddressResponse(binding=binding_message(answer.value), repeated_call=answer.known)

    async def BatchBindAddresses(
        self, request: pb.BatchBindAddressesRequest, context: Any
    ) -> pb.BatchBindAddressesResponse:
        _require_small(request.requests)
        results: list[pb.BindAddressResult] = []
        for answer in await self._identities.bind([binding_wish(wish) for wish in request.requests]):
            if isinstance(answer, RefusedError):
                results.append(pb.BindAddressResult(refused=refused_message(answer)))
            else:
                bound = pb.BindAddressResponse(
                    binding=binding_message(answer.value), repeated_call=answer.known
                )
                results.append(pb.BindAddressResult(bound=bound))
        return pb.BatchBindAddressesResponse(results=results)

    async def ReleaseBinding(
        self, request: pb.ReleaseBindingRequest, context: Any
    ) -> pb.ReleaseBindingResponse:
        try:
            until = await self._identities.release(request.binding_id)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.ReleaseBindingResponse(until=timestamp(until))

    async def ListBindings(self, request: pb.ListBindingsRequest, context: Any) -> pb.ListBindingsResponse:
        try:
            decisions.terminal_of(self._registry, request.terminal)
        except RefusedError as error:
            raise refusal(error) from error
        numbers = sorted(self._registry.bindings_of.get(request.terminal, ()))
        return pb.ListBindingsResponse(
            bindings=[binding_message(self._registry.bindings[number]) for number in numbers]
        )

    def _subscriber(self, one: Subscriber) -> pb.Subscriber:
        return pb.Subscriber(
            subscriber=one.subscriber,
            kind=KIND_OF[one.kind],
            state=STATE_OF[one.state],
            enrolled=timestamp(one.enrolled),
            terminals=len(self._registry.terminals_of.get(one.subscriber, ())),
        )

    def _terminal(self, one: Terminal) -> pb.Terminal:
        return pb.Terminal(
            terminal=one.terminal,
            subscriber=one.subscriber,
            terminal_class=CLASS_OF[one.terminal_class],
            state=STATE_OF[self._registry.state_of(one)],
            enrolled=timestamp(one.enrolled),
        )


def _require_small(requests: Sequence[Any]) -> None:
    if len(requests) > LARGEST_BATCH:
        raise InvalidArgument(
            "requests", f"{len(requests)} at once, at most {LARGEST_BATCH}", "BATCH_TOO_LARGE"
        )


def binding_wish(request: pb.BindAddressRequest) -> BindingWish:
    return BindingWish(
        request.terminal,
        request.prefix,
        request.port_first,
        request.port_last,
        request.gateway,
        request.idempotency_key,
    )


def binding_message(binding: Binding) -> pb.Binding:
    return pb.Binding(
        binding_id=binding.binding_id,
        terminal=binding.terminal,
        prefix=str(binding.prefix),
        port_first=binding.port_first,
        port_last=binding.port_last,
        gateway=binding.gateway,
        since=timestamp(binding.since),
    )


def refused_message(error: RefusedError) -> pb.Refusal:
    return pb.Refusal(reason=error.reason, detail=error.detail)


def timestamp(milliseconds: int) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.fromtimestamp(milliseconds / 1000, UTC))
    return message
