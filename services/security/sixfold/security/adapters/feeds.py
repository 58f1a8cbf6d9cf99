"""Where feeds come from: files, HTTP, TAXII 2.1; and the last good reading, kept in the bus's object store."""

import gzip
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import nats.errors
import numpy as np
from nats.js.api import ObjectStoreConfig
from nats.js.errors import APIError, NotFoundError, ObjectNotFoundError

from sixfold.chassis.messaging import BusUnavailableError, Messaging
from sixfold.security.adapters.web import CHUNK, WebError, request
from sixfold.security.domain.intel import indicators, lists
from sixfold.security.domain.intel.entries import FeedRefusedError, Reading
from sixfold.security.domain.intel.prefixes import PrefixSet
from sixfold.security.intel_ports import FeedSource, FeedUnreachableError

log = logging.getLogger(__name__)
BUCKET: Final = "SECURITY_FEEDS"
TAXII: Final = "application/taxii+json;version=2.1"
MOST_PAGES: Final = 20_000
LARGEST_JSON: Final = 256 << 20
LARGEST_KEPT: Final = 512 << 20
_TROUBLE: Final = (nats.errors.Error, APIError, BusUnavailableError, TimeoutError, OSError)


def read(source: FeedSource, reading: Reading, validator: str, now: datetime, expires: int) -> str | None:
    """Add a whole feed to `reading`; blocking. Gives what to send the next time, so that an unchanged one is not read
    again; None: it has not changed. Raises FeedRefusedError, FeedUnreachableError.
    """
    try:
        if source.kind == "taxii":
            for page in _taxii_pages(source):
                indicators.read(page, reading, now, expires)
            return ""
        with _opened(source, validator) as (chunks, fresh):
            if fresh is None:
                return None
            if source.kind == "stix":
                indicators.read(_bundle(chunks), reading, now, expires)
            else:
                lists.read(chunks, source.layout, reading, expires)
            return fresh
    except (WebError, OSError) as error:
        raise FeedUnreachableError(str(error) or type(error).__name__) from error


class _opened:  # noqa: N801 - it is used like a function
    """The text of a file or of an HTTP answer in chunks, with its validator (None: not changed)."""

    def __init__(self, source: FeedSource, validator: str) -> None:
        self._source = source
        self._validator = validator
        self._open: Any = None

    def __enter__(self) -> tuple[Iterator[bytes], str | None]:
        source = self._source
        if "://" not in source.source:
            path = Path(source.source)
            state = path.stat()
            stamp = f"{state.st_mtime_ns}-{state.st_size}"
            if stamp == self._validator:
                return iter(()), None
            self._open = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
            return _file_chunks(self._open, source.most_bytes), stamp
        headers = {"Accept-Encoding": "gzip", "User-Agent": "sixfold-security", **source.headers}
        if self._validator:
            headers["If-None-Match"] = self._validator
        self._open = request(
            source.source, headers=headers, timeout=source.timeout, most_bytes=source.most_bytes
        )
        answer = self._open.__enter__()
        tag = answer.headers.get("ETag", "")
        return answer.chunks, None if answer.status == 304 else tag

    def __exit__(self, *error: Any) -> None:
        if self._open is not None:
            self._open.__exit__(*error)


def _file_chunks(file: Any, most_bytes: int) -> Iterator[bytes]:
    total = 0
    while chunk := file.read(CHUNK):
        total += len(chunk)
        if total > most_bytes:
            raise FeedRefusedError("too-large", f"more than {most_bytes:,} bytes")
        yield chunk


def _bundle(chunks: Iterator[bytes]) -> list[Any]:
    data = _joined(chunks)
    try:
        bundle = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FeedRefusedError("no-bundle", f"it is no JSON: {error}") from error
    objects = bundle.get("objects") if isinstance(bundle, dict) else None
    if not isinstance(objects, list):
        raise FeedRefusedError("no-bundle", "it is no STIX bundle: it has no list of objects")
    return objects


def _joined(chunks: Iterator[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > LARGEST_JSON:
            raise FeedRefusedError("too-large", f"JSON of more than {LARGEST_JSON:,} bytes")
    return bytes(data)


def _taxii_pages(source: FeedSource) -> Iterator[list[Any]]:
    """The indicators of a collection, whose address is `…/collections/<id>/`."""
    headers = {"Accept": TAXII, "User-Agent": "sixfold-security", **source.headers}
    query = {"match[type]": "indicator", "limit": "1000"}
    left = source.most_bytes
    for _ in range(MOST_PAGES):
        url = f"{source.source.rstrip('/')}/objects/?{urlencode(query)}"
        with request(url, headers=headers, timeout=source.timeout, most_bytes=left) as answer:
            data = _joined(answer.chunks)
        left -= len(data)
        try:
            page = json.loads(data or b"{}")
        except (ValueError, RecursionError) as error:
            raise FeedRefusedError("no-envelope", f"it is no JSON: {error}") from error
        if not isinstance(page, dict) or not isinstance(page.get("objects", []), list):
            raise FeedRefusedError("no-envelope", "it is no TAXII envelope")
        yield page.get("objects", [])
        if not page.get("more"):
            return
        following = page.get("next")
        if not isinstance(following, str) or not following or following == query.get("next"):
            raise FeedRefusedError("no-envelope", "it promises more, and does not say where")
        query["next"] = following
    raise FeedRefusedError("too-large", f"more than {MOST_PAGES:,} pages")


class FeedStore:
    """The last good reading of every feed, for the next start."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    async def save(self, name: str, made: PrefixSet, taken: int, expires: int) -> None:
        """A bus that is away, or a set too large for it, costs the copy alone."""
        data = io.BytesIO()
        np.savez(data, allow_pickle=False, times=np.array([taken, expires]), **made.dump())
        if data.tell() > LARGEST_KEPT:
            log.warning("feed %s: %d bytes are too many to be kept", name, data.tell())
            return
        try:
            store = await self._store()
            await store.put(name, data.getvalue())
        except _TROUBLE as error:
            log.warning("feed %s is not kept: %s", name, error or type(error).__name__)

    async def load(self, name: str) -> tuple[PrefixSet, int, int] | None:
        """(set, taken, expires), None where there is none that can be used."""
        try:
            store = await self._messaging.js.object_store(BUCKET)
            stored = await store.get(name)
            with np.load(io.BytesIO(stored.data or b""), allow_pickle=False) as arrays:
                taken, expires = (int(one) for one in arrays["times"])
                return PrefixSet.load(arrays), taken, expires
        except (NotFoundError, ObjectNotFoundError):
            return None
        except (*_TROUBLE, ValueError, KeyError, EOFError) as error:
            log.warning("feed %s: what was kept cannot be used: %s", name, error or type(error).__name__)
            return None

    async def _store(self) -> Any:
        try:
            return await self._messaging.js.object_store(BUCKET)
        except NotFoundError:
            config = ObjectStoreConfig(replicas=self._messaging.settings.replicas)
            return await self._messaging.js.create_object_store(BUCKET, config=config)
