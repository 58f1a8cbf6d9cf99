"""What people and machines do: the mix of services, and the sizes of their conversations."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sixfold.agent.simulate.day import Curve, level

Peer = Literal["site", "ipv4-site", "resolver", "time", "iot", "content"]


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of conversation. Octets down are log-normal with a Pareto tail; octets up are a share of them.

    weight: share of the conversations at the busiest hour. seconds: median duration.
    """

    name: str
    weight: float
    curve: Curve
    peer: Peer
    protocol: int
    port: int
    median: float
    sigma: float
    tail: float
    up: float
    seconds: float
    packet: int


SERVICES: Final = (
    Service("web", 0.27, "home", "site", 6, 443, 9_000, 1.6, 0.03, 0.12, 2.5, 1_380),
    Service("quic", 0.20, "home", "site", 17, 443, 14_000, 1.7, 0.04, 0.10, 3.0, 1_250),
    Service("plain-web", 0.03, "home", "ipv4-site", 6, 80, 4_000, 1.3, 0.02, 0.15, 0.8, 1_380),
    Service("dns", 0.28, "home", "resolver", 17, 53, 150, 0.4, 0.0, 0.45, 0.02, 500),
    Service("video", 0.02, "evening", "content", 6, 443, 6_000_000, 0.9, 0.05, 0.02, 40.0, 1_400),
    Service("iot", 0.09, "flat", "iot", 6, 8883, 420, 0.5, 0.0, 1.10, 1.2, 220),
    Service("iot-coap", 0.03, "flat", "iot", 17, 5683, 90, 0.3, 0.0, 1.60, 0.1, 110),
    Service("time", 0.03, "flat", "time", 17, 123, 76, 0.0, 0.0, 1.0, 0.03, 76),
    Service("mail", 0.02, "work", "site", 6, 993, 5_500, 1.5, 0.02, 0.30, 4.0, 1_300),
    Service("office", 0.02, "work", "ipv4-site", 6, 443, 20_000, 1.6, 0.03, 0.40, 8.0, 1_300),
    Service("ping", 0.01, "flat", "site", 58, 0, 336, 0.4, 0.0, 1.0, 3.0, 84),
)
MULTICAST: Final = "iptv"
NAMES: Final = (*(service.name for service in SERVICES), MULTICAST)
MULTICAST_INDEX: Final = len(SERVICES)


def weights(time_ms: int, utc_offset_hours: float, *, flat: bool) -> np.ndarray:
    """The weight of each service at a moment; with `flat` that of the busiest hour."""
    return np.array(
        [
            service.weight * (1.0 if flat else level(service.curve, time_ms, utc_offset_hours))
            for service in SERVICES
        ]
    )
