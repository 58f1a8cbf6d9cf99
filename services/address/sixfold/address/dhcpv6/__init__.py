"""The DHCPv6 front: edges ask for prefixes as RFC 8415 says, through relays or on the link itself."""
