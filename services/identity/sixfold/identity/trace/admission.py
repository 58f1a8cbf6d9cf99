"""Who asks: an officer's signature over the exact bytes of a statement, fresh and never seen before."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from sixfold.api.identity.v1 import trace_pb2 as pb
from sixfold.identity.audit.verify import is_signed
from sixfold.identity.domain.case import NONCE_BYTES, Officer
from sixfold.identity.domain.values import RefusedError

LARGEST: Final = 4 << 20
NONCES: Final = 100_000

Statement = TypeVar("Statement", bound=Message)


def signed_bytes(rpc: str, statement: bytes) -> bytes:
    """What an officer signs."""
    return f"sixfold-trace/1 {rpc}\n".encode() + statement


class Admission:
    def __init__(self, officers: Mapping[str, Officer], *, freshness: int, clock: Callable[[], int]) -> None:
        self._officers = officers
        self._freshness = freshness
        self._clock = clock
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def officer(self, name: str) -> Officer:
        officer = self._officers.get(name)
        if officer is None:
            raise RefusedError("forbidden", "OFFICER_UNKNOWN", "no such officer is configured", "officer")
        return officer

    def verify(self, rpc: str, signed: pb.Signed) -> Officer:
        """Whose signature it is, whenever it was made. Raises RefusedError."""
        officer = self.officer(signed.officer)
        if len(signed.statement) > LARGEST:
            raise RefusedError("invalid", "STATEMENT_MALFORMED", f"over {LARGEST} bytes", "statement")
        if not is_signed(officer.public, signed_bytes(rpc, signed.statement), signed.signature):
            raise RefusedError(
                "forbidden", "SIGNATURE_WRONG", "the signature is not of this officer and call"
            )
        return officer

    def admit(self, rpc: str, signed: pb.Signed, kind: type[Statement]) -> tuple[Officer, Statement]:
        """The officer and the statement, once. Raises RefusedError."""
        officer = self.verify(rpc, signed)
        statement: Any = parse(signed.statement, kind)
        now = self._clock()
        if len(statement.nonce) != NONCE_BYTES:
            raise RefusedError("invalid", "STATEMENT_MALFORMED", f"a nonce has {NONCE_BYTES} bytes", "nonce")
        if abs(now - statement.made) > self._freshness:
            detail = "it was made too long ago, or the clocks differ"
            raise RefusedError("forbidden", "STATEMENT_STALE", detail, "made")
        while self._seen and next(iter(self._seen.values())) < now - 2 * self._freshness:
            self._seen.popitem(last=False)
        if statement.nonce in self._seen:
            raise RefusedError("forbidden", "STATEMENT_REPEATED", "it was made before", "nonce")
        if len(self._seen) >= NONCES:
            raise RefusedError("forbidden", "STATEMENT_REPEATED", "too many statements at once", "nonce")
        self._seen[statement.nonce] = now
        return officer, statement


def parse(data: bytes, kind: type[Statement]) -> Statement:
    statement = kind()
    try:
        statement.ParseFromString(data)
    except DecodeError as error:
        raise RefusedError(
            "invalid", "STATEMENT_MALFORMED", f"no {kind.DESCRIPTOR.name}", "statement"
        ) from error
    return statement
