"""The configuration of the front: what may stand in it, and what is refused before it is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from sixfold.identity.aaa.freeradius import Client, Front, FrontError, render
from sixfold.identity.aaa.front import write_front

FRONT = Front(
    folder=Path("/srv/front"),
    name="front",
    secret="between-front-and-centre",
    source="192.0.2.1",
    centre="192.0.2.2",
    authentication_port=1812,
    accounting_port=1813,
    url="http://192.0.2.2:8080",
    clients=[Client("wifi-1", "198.51.100.0/24", "between-wifi-and-front")],
)


def test_every_access_server_has_a_secret_and_a_place_for_disconnections():
    texts = render(replace(FRONT, clients=[*FRONT.clients, Client("bng-1", "2001:db8::1", "x" * 16, 0)]))
    assert texts["clients.conf"].count("require_message_authenticator = yes") == 2
    assert "home_server disconnect-wifi-1" in texts["proxy.conf"]
    assert "disconnect-bng-1" not in texts["proxy.conf"]
    assert "softfail = no" in texts["eap.conf"]
    # the shared secret itself does not go over HTTP
    assert FRONT.secret not in texts["rest.conf"]
    assert not [name for name, text in texts.items() if "$$" in text]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "front }"}, "name 'front }'"),
        ({"secret": "too short"}, "secret: 16 printable"),
        ({"secret": "a quote ' in the midst"}, "secret: 16 printable"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"folder": Path("relative")}, "folder"),
        ({"clients": []}, "no access server is named"),
        ({"clients": [*FRONT.clients, *FRONT.clients]}, "same name"),
        ({"clients": [Client("a", "any\nthing", "x" * 16)]}, "client a: prefix"),
    ],
)
def test_what_cannot_stand_there_is_refused_and_secrets_are_not_shown(changed, said):
    with pytest.raises(FrontError) as caught:
        render(replace(FRONT, **changed))
    assert said in str(caught.value)
    if "secret" in changed:
        assert changed["secret"] not in str(caught.value)


def test_writing_again_keeps_the_certificate(tmp_path):
    front = replace(FRONT, folder=tmp_path / "front")
    (tmp_path / "ca.pem").write_text("root and intermediate\n")
    assert write_front(front, [tmp_path / "ca.pem"])
    certificate = (front.folder / "server.pem").read_bytes()
    assert not write_front(replace(front, listen="192.0.2.9"), [tmp_path / "ca.pem"])
    assert (front.folder / "server.pem").read_bytes() == certificate
    assert "ipaddr = 192.0.2.9" in (front.folder / "sites.conf").read_text()
    assert {path.stat().st_mode & 0o077 for path in front.folder.iterdir()} == {0}
