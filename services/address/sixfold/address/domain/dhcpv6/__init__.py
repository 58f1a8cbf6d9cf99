"""DHCPv6 as delegating prefixes needs it (RFC 8415): packets to values, values to packets, who asks. Pure."""
