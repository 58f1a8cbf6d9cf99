"""Case records: sealed under a key of the case, in a bucket of their own, so that a case can be erased for good."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

import nacl.exceptions
import nacl.secret
import nats.errors
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import (
    APIError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoKeysError,
)
from nats.js.kv import KeyValue

from sixfold.chassis.messaging import BusUnavailableError, Messaging
from sixfold.identity.adapters.keyring import KeyDamagedError, KeyErasedError, KeyRing
from sixfold.identity.domain.case import Approval, Case, Scope, State

BUCKET: Final = "TRACE_CASES"
_ERRORS: Final = (nats.errors.Error, APIError, TimeoutError)


class ChangedError(RuntimeError):
    """Somebody else has written the record in between."""


@dataclass(frozen=True, slots=True)
class Request:
    """A trace, or a request for a person. statement and signature are those of the officer who asked."""

    trace_id: str
    rpc: str
    officer: str
    case_number: str
    statement: bytes
    signature: bytes
    made: int
    state: State = "waiting"
    approval: Approval | None = None
    approval_statement: bytes = b""
    approval_signature: bytes = b""
    answers: tuple[tuple[str, str, str, str], ...] = ()
    """(outcome, subscriber, path, reason)."""
    salt: bytes = b""

    @property
    def question_hash(self) -> bytes:
        return hashlib.sha256(self.statement).digest()


def case_token(case_number: str) -> str:
    return hashlib.sha256(case_number.encode()).hexdigest()[:16]


def trace_id_of(case_number: str, statement: bytes) -> str:
    return f"{case_token(case_number)}-{hashlib.sha256(statement).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record and the revision by which it can be replaced."""

    record: Any
    revision: int


class CaseStore:
    """A component. Reads and replaces records with compare-and-set."""

    name = "cases"

    def __init__(self, messaging: Messaging, keys: KeyRing) -> None:
        self._messaging = messaging
        self._keys = keys
        self._bucket: KeyValue | None = None

    async def start(self) -> None:
        await self._keys.start()
        try:
            self._bucket = await self._messaging.js.key_value(BUCKET)
        except BucketNotFoundError:
            self._bucket = await self._messaging.js.create_key_value(
                KeyValueConfig(
                    bucket=BUCKET,
                    description="sealed case records of the trace desk",
                    history=1,
                    storage=StorageType.FILE,
                    replicas=self._messaging.settings.replicas,
                )
            )

    async def stop(self) -> None:
        await self._keys.stop()
        self._bucket = None

    async def case(self, case_number: str) -> tuple[Case, int] | None:
        kept = await self._read(case_token(case_number), "case")
        return None if kept is None else (_case(kept.record), kept.revision)

    async def put_case(self, case: Case, revision: int = 0) -> None:
        """Raises ChangedError (also where the case exists and `revision` is 0)."""
        await self._write(case_token(case.case_number), "case", asdict(case), revision)

    async def request(self, trace_id: str) -> tuple[Request, int] | None:
        token, _, rest = trace_id.partition("-")
        if not (_is_hex(token, 16) and _is_hex(rest, 32)):
            return None
        kept = await self._read(token, rest)
        return None if kept is None else (_request(kept.record), kept.revision)

    async def put_request(self, request: Request, revision: int = 0) -> None:
        """Raises ChangedError."""
        token, _, rest = request.trace_id.partition("-")
        # Not asdict: it would copy ten thousand answers one by one.
        record = {field.name: getattr(request, field.name) for field in fields(request)}
        record["approval"] = None if request.approval is None else asdict(request.approval)
        await self._write(token, rest, _plain(record), revision)

    async def cases(self) -> AsyncIterator[Case]:
        """Every case whose record can be read."""
        for token in await self._tokens():
            kept = await self._read(token, "case")
            if kept is not None:
                yield _case(kept.record)

    async def erase(self, case_number: str) -> int:
        """Make every record of the case unreadable in every copy; how many there were."""
        token = case_token(case_number)
        await self._keys.erase(token)
        names = [name for name in await self._names() if name.startswith(f"{token}.")]
        try:
            for name in names:
                await self._opened.purge(name)
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        return len(names)

    @property
    def _opened(self) -> KeyValue:
        if self._bucket is None:
            raise BusUnavailableError("the case records are not open")
        return self._bucket

    async def _names(self) -> list[str]:
        try:
            return await self._opened.keys()
        except NoKeysError:
            return []
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error

    async def _tokens(self) -> list[str]:
        return [name.partition(".")[0] for name in await self._names() if name.endswith(".case")]

    async def _read(self, token: str, name: str) -> Kept | None:
        try:
            entry = await self._opened.get(f"{token}.{name}")
            box = nacl.secret.SecretBox(await self._keys.get(token))
        except (KeyNotFoundError, KeyErasedError):
            return None
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error
        try:
            body = json.loads(box.decrypt(entry.value or b""))
        except (nacl.exceptions.CryptoError, ValueError) as error:
            raise KeyDamagedError(f"{self.name}: a record is not what was sealed") from error
        if body["name"] != f"{token}.{name}":
            raise KeyDamagedError(f"{self.name}: a record lies at another's place")
        return Kept(body["record"], entry.revision or 0)

    async def _write(self, token: str, name: str, record: Any, revision: int) -> None:
        box = nacl.secret.SecretBox(await self._keys.make(token))
        text = json.dumps({"name": f"{token}.{name}", "record": record}, separators=(",", ":"))
        try:
            await self._opened.update(f"{token}.{name}", bytes(box.encrypt(text.encode())), last=revision)
        except KeyWrongLastSequenceError as error:
            raise ChangedError(f"{token}.{name}") from error
        except _ERRORS as error:
            raise BusUnavailableError(f"{self.name}: {error or type(error).__name__}") from error


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and all(letter in "0123456789abcdef" for letter in text)


def _plain(value: Any) -> Any:
    """Bytes as base64, for JSON."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _case(record: dict[str, Any]) -> Case:
    scope = record["scope"]
    return Case(**{**record, "scope": Scope(**{**scope, "prefixes": tuple(scope["prefixes"])})})


def _request(record: dict[str, Any]) -> Request:
    fields = dict(record)
    for name in ("statement", "signature", "approval_statement", "approval_signature", "salt"):
        fields[name] = base64.b64decode(fields[name])
    if fields["approval"] is not None:
        approval = Approval(**fields["approval"])
        # The dataclass was made of JSON: its hash is still base64.
        fields["approval"] = replace(
            approval, question_hash=base64.b64decode(fields["approval"]["question_hash"])
        )
    fields["answers"] = tuple((one[0], one[1], one[2], one[3]) for one in fields["answers"])
    return Request(**fields)
