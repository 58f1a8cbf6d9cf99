import socket

import pytest

from sixfold.local.errors import LocalError
from sixfold.local.ports import Ports, free_base, require_free, taken


def test_every_port_has_its_own_number() -> None:
    numbers = [port for _, port, _ in Ports(26000).named()]
    assert len(set(numbers)) == len(numbers)
    assert Ports(26000).address("clickhouse_http") == "127.0.0.1:26002"
    assert Ports(26000).address("agent.ipfix") == "127.0.0.1:26008"


@pytest.mark.parametrize("base", [-1, 80, 65530])
def test_a_base_that_does_not_fit_is_refused(base: int) -> None:
    with pytest.raises(LocalError, match="--port-base"):
        Ports(base)


@pytest.mark.parametrize(("kind", "name"), [(socket.SOCK_STREAM, "nats"), (socket.SOCK_DGRAM, "agent.ipfix")])
def test_a_port_in_use_is_named_with_a_way_out(kind: int, name: str) -> None:
    ports = Ports(free_base(33000))
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", ports[name]))
        if kind == socket.SOCK_STREAM:
            other.listen()
        assert [entry[0] for entry in taken(ports)] == [name]
        with pytest.raises(LocalError, match=rf"{ports[name]}/.*\({name}\).*--port-base \d+"):
            require_free(ports)
    require_free(ports)
