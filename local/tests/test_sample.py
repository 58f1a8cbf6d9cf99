from ipaddress import IPv6Address, IPv6Network

import numpy as np

from sixfold.agent.simulate import Region
from sixfold.local.sample import GATEWAYS, HOMES, home_prefix


def test_homes_have_the_prefixes_that_the_simulator_sends_from() -> None:
    region = Region(gateways=GATEWAYS)
    for gateway in range(GATEWAYS):
        for home in (0, 1, 17, HOMES - 1):
            subscriber = np.array([home * GATEWAYS + gateway])
            prefix = IPv6Network(home_prefix(gateway, home))
            for device in (0, 9):
                address = IPv6Address(region.terminal(subscriber, np.array([device]))[0].tobytes())
                assert address in prefix
