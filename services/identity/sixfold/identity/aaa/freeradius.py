"""A FreeRADIUS 3.2 that stands in front: it ends EAP-TLS, asks the identity centre whom to admit, hands on the rest.

The whole of its configuration, in one folder: `freeradius -d FOLDER`. Needs its module rlm_rest.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

PATH: Final = "/aaa/authorize"
"""Where the identity centre's HTTP door is asked whether a certificate's holder is admitted."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOST: Final = re.compile(r"[0-9A-Za-z.:/*_-]{1,255}")
_URL: Final = re.compile(r"https?://[0-9A-Za-z.:\[\]/_-]{1,255}")
_SECRET: Final = re.compile(r"[!#-&(-\[\]-~]{16,256}")


class FrontError(ValueError):
    """What is asked for cannot stand in a configuration; says which and why."""


@dataclass(frozen=True, slots=True)
class Client:
    """An access server behind the front. `disconnect`: its port for RFC 5176; 0: it has none."""

    name: str
    prefix: str
    secret: str
    disconnect: int = 3799


@dataclass(frozen=True, slots=True)
class Front:
    """`name` and `secret` are those of the access server that the front is to the centre, and `source` the address
    that it asks from and is asked for disconnections at."""

    folder: Path
    name: str
    secret: str
    source: str
    centre: str
    authentication_port: int
    accounting_port: int
    url: str
    clients: Sequence[Client]
    listen: str = "*"
    own_authentication_port: int = 1812
    own_accounting_port: int = 1813
    disconnect_port: int = 3799
    libraries: str = "/usr/lib/freeradius"


def door_password(secret: bytes) -> str:
    """What an access server says at the HTTP door: made of the shared secret, which itself never goes there."""
    return hmac.new(secret, b"sixfold aaa authorize", hashlib.sha256).hexdigest()


def render(front: Front) -> Mapping[str, str]:
    """Texts by the name of the file in the folder. Raises FrontError.

    Beside them belong `ca.pem` (root and intermediate), `server.pem` and `server.key`.
    """
    _check(front)
    values = {
        "folder": str(front.folder),
        "libraries": front.libraries,
        "listen": front.listen,
        "own_authentication_port": str(front.own_authentication_port),
        "own_accounting_port": str(front.own_accounting_port),
        "disconnect_port": str(front.disconnect_port),
        "name": front.name,
        "secret": front.secret,
        "source": front.source,
        "centre": front.centre,
        "authentication_port": str(front.authentication_port),
        "accounting_port": str(front.accounting_port),
        "url": front.url,
        "path": PATH,
        "password": door_password(front.secret.encode()),
        "clients": "\n".join(Template(_CLIENT).substitute(_client(one)) for one in front.clients),
        "disconnects": "\n".join(
            Template(_DISCONNECT).substitute(_client(one)) for one in front.clients if one.disconnect
        ),
    }
    return {
        name: Template(text).substitute(values)
        for name, text in (
            ("radiusd.conf", _RADIUSD),
            ("clients.conf", _CLIENTS),
            ("proxy.conf", _PROXY),
            ("eap.conf", _EAP),
            ("rest.conf", _REST),
            ("sites.conf", _SITES),
            ("dictionary", "$$INCLUDE /usr/share/freeradius/dictionary\n"),
        )
    }


def _client(one: Client) -> dict[str, str]:
    return {
        "name": one.name,
        "prefix": one.prefix,
        "secret": one.secret,
        "host": one.prefix.partition("/")[0],
        "disconnect": str(one.disconnect),
    }


def _check(front: Front) -> None:
    for what, value, form in (
        ("name", front.name, _NAME),
        ("secret", front.secret, _SECRET),
        ("source", front.source, _HOST),
        ("centre", front.centre, _HOST),
        ("listen", front.listen, _HOST),
        ("url", front.url, _URL),
        ("libraries", front.libraries, _HOST),
        ("folder", str(front.folder), re.compile(r"/[0-9A-Za-z._/+@-]+")),
        *((f"client {one.name[:64]}: name", one.name, _NAME) for one in front.clients),
        *((f"client {one.name[:64]}: prefix", one.prefix, _HOST) for one in front.clients),
        *((f"client {one.name[:64]}: secret", one.secret, _SECRET) for one in front.clients),
    ):
        if not form.fullmatch(value):
            shown = "" if "secret" in what else f" {value[:80]!r}"
            wanted = "16 printable characters at least, no space, quote or backslash"
            reason = wanted if "secret" in what else "cannot stand in FreeRADIUS's configuration"
            raise FrontError(f"{what}{shown}: {reason}")
    if not front.clients:
        raise FrontError("no access server is named: nobody could ask")
    if len({one.name for one in front.clients}) != len(front.clients):
        raise FrontError("two access servers have the same name")


_RADIUSD: Final = """\
# Written by `sixfold aaa freeradius`. Start: freeradius -d $folder (in the foreground, talking: -X).
prefix = /usr
raddbdir = $folder
logdir = $folder
run_dir = $folder
libdir = $libraries
name = radiusd
pidfile = $folder/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
log {
	destination = files
	file = $folder/radius.log
	auth = no
	auth_badpass = no
	auth_goodpass = no
}
security {
	max_attributes = 200
	reject_delay = 0
	status_server = yes
}
proxy_requests = yes
thread pool {
	start_servers = 4
	max_servers = 16
	min_spare_servers = 2
	max_spare_servers = 8
	max_requests_per_server = 0
	auto_limit_acct = no
}
$$INCLUDE clients.conf
$$INCLUDE proxy.conf
modules {
	$$INCLUDE eap.conf
	$$INCLUDE rest.conf
	always reject {
		rcode = reject
	}
	always ok {
		rcode = ok
	}
}
$$INCLUDE sites.conf
"""

_CLIENT: Final = """\
client $name {
	ipaddr = $prefix
	secret = '$secret'
	require_message_authenticator = yes
}
"""

_CLIENTS: Final = """\
# Access servers. An Access-Request without a Message-Authenticator is dropped (CVE-2024-3596).
$clients
# The identity centre, for disconnections alone.
clients centre {
	client identity-centre {
		ipaddr = $centre
		secret = '$secret'
	}
}
"""

_DISCONNECT: Final = """\
home_server disconnect-$name {
	type = coa
	ipaddr = $host
	port = $disconnect
	secret = '$secret'
	coa {
		irt = 2
		mrt = 8
		mrc = 3
		mrd = 10
	}
}
home_server_pool disconnect-$name {
	type = fail-over
	home_server = disconnect-$name
}
"""

_PROXY: Final = """\
# The identity centre.
proxy server {
	default_fallback = no
}
home_server identity-authentication {
	type = auth
	ipaddr = $centre
	port = $authentication_port
	src_ipaddr = $source
	secret = '$secret'
	response_window = 10
	zombie_period = 20
	status_check = status-server
	check_interval = 10
	num_answers_to_alive = 3
}
home_server identity-accounting {
	type = acct
	ipaddr = $centre
	port = $accounting_port
	src_ipaddr = $source
	secret = '$secret'
	response_window = 10
	zombie_period = 20
	status_check = status-server
	check_interval = 10
	num_answers_to_alive = 3
}
home_server_pool identity-authentication {
	type = fail-over
	home_server = identity-authentication
}
home_server_pool identity-accounting {
	type = fail-over
	home_server = identity-accounting
}
realm identity {
	auth_pool = identity-authentication
	acct_pool = identity-accounting
	nostrip
}
# Access servers that take Disconnect-Requests (RFC 5176).
$disconnects
"""

_EAP: Final = """\
eap {
	default_eap_type = tls
	timer_expire = 60
	ignore_unknown_eap_types = no
	max_sessions = 16384
	tls-config terminals {
		private_key_file = $folder/server.key
		certificate_file = $folder/server.pem
		ca_file = $folder/ca.pem
		auto_chain = yes
		tls_min_version = "1.2"
		tls_max_version = "1.2"
		cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20"
		ecdh_curve = ""
		# The name that a terminal gives is its certificate's: its pseudonym.
		check_cert_cn = %{User-Name}
		cache {
			enable = no
		}
		# Revoked, or on hold because the terminal is suspended: said the moment that it is so. No answer is a refusal.
		ocsp {
			enable = yes
			override_cert_url = yes
			url = "$url/ocsp"
			use_nonce = yes
			timeout = 5
			softfail = no
		}
	}
	tls {
		tls = terminals
		virtual_server = admission
	}
}
"""

_REST: Final = """\
rest {
	connect_uri = "$url"
	connect_timeout = 4.0
	authorize {
		uri = "$url$path"
		method = 'post'
		body = 'json'
		auth = 'basic'
		username = '$name'
		password = '$password'
		require_auth = yes
		timeout = 4.0
	}
	pool {
		start = 0
		min = 0
		max = 16
		spare = 4
		uses = 0
		retry_delay = 1
		lifetime = 0
		idle_timeout = 60
	}
}
"""

_SITES: Final = """\
server access {
	listen {
		type = auth
		ipaddr = $listen
		port = $own_authentication_port
	}
	listen {
		type = acct
		ipaddr = $listen
		port = $own_accounting_port
	}
	authorize {
		if (&EAP-Message) {
			eap
		}
		else {
			update control {
				&Proxy-To-Realm := "identity"
			}
		}
	}
	authenticate {
		eap
	}
	preacct {
		update control {
			&Proxy-To-Realm := "identity"
		}
	}
	accounting {
		ok
	}
	pre-proxy {
		# Which access server it is, by our own list: none can speak for another.
		update proxy-request {
			&NAS-Identifier := "%{Client-Shortname}"
		}
		if ("%{proxy-request:Packet-Type}" == "Access-Request") {
			update proxy-request {
				&Message-Authenticator := 0x00
			}
		}
	}
	post-auth {
		Post-Auth-Type REJECT {
			# The EAP-Failure has to go with it (RFC 3579, section 2.6.5).
			eap
		}
	}
}

# What a certificate's holder may do, asked of the identity centre once its certificate has proven good.
server admission {
	authorize {
		update request {
			&NAS-Identifier := "%{Client-Shortname}"
		}
		rest
		if (ok || updated) {
			update control {
				&Auth-Type := Accept
			}
		}
		else {
			reject
		}
	}
}

# Disconnections, from the identity centre to the access server that it names.
listen {
	type = coa
	ipaddr = $source
	port = $disconnect_port
	clients = centre
	virtual_server = disconnect
}
server disconnect {
	recv-coa {
		update control {
			&Home-Server-Pool := "disconnect-%{NAS-Identifier}"
		}
	}
	send-coa {
		ok
	}
	pre-proxy {
		ok
	}
	post-proxy {
		ok
	}
}
"""
