"""The part of SecurityService about feeds: proto to domain and back."""

from typing import Any

from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.chassis.rpc import InvalidArgument, NotFound
from sixfold.security.domain import addresses
from sixfold.security.intel_handlers import Feed, Feeds, FeedUnknownError


class IntelQueries:
    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    def feeds(self) -> pb.ListFeedsResponse:
        return pb.ListFeedsResponse(feeds=[_message(feed) for feed in self._feeds.feeds.values()])

    async def refresh(self, request: pb.RefreshFeedRequest) -> pb.RefreshFeedResponse:
        try:
            feed = await self._feeds.refresh(request.name, accept_change=request.accept_change)
        except FeedUnknownError as error:
            raise NotFound(str(error), reason="FEED_UNKNOWN") from error
        return pb.RefreshFeedResponse(feed=_message(feed))

    def look_up(self, request: pb.LookUpAddressRequest) -> pb.LookUpAddressResponse:
        try:
            hi, lo, length = addresses.parse_network(request.address)
        except ValueError as error:
            raise InvalidArgument("address", str(error), "ADDRESS_MALFORMED") from error
        if length != 128:
            raise InvalidArgument("address", "is a prefix: ask for one address", "ADDRESS_MALFORMED")
        found = self._feeds.look_up(hi, lo)
        return pb.LookUpAddressResponse(
            listings=[
                pb.Listing(
                    feed=one.feed,
                    first=_text(one.first),
                    last=_text(one.last),
                    confidence=one.confidence / 100,
                )
                for one in found
            ]
        )


def _text(value: int) -> str:
    return addresses.address_text(value >> 64, value & ((1 << 64) - 1))


def _message(feed: Feed) -> pb.Feed:
    message = pb.Feed(
        name=feed.source.name,
        kind=feed.source.kind,
        source=feed.source.source,
        state=f"FEED_STATE_{feed.state.name}",
        prefixes=feed.prefixes,
        confidence=feed.source.confidence / 100,
        refused=dict(feed.refused or {}),
        trouble=feed.trouble,
    )
    moments: dict[str, Any] = {"attempted": feed.attempted, "taken": feed.taken, "expires": feed.expires}
    for name, moment in moments.items():
        if moment is not None:
            getattr(message, name).FromDatetime(moment)
    return message
