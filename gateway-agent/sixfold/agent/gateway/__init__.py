"""The gateway that translates: what it is configured to do, made of tayga, nftables, unbound and softflowd.

`plan` reads a GatewayConfiguration, `render` makes the files and rules of it, `apply` puts them into force, `check`
compares with what runs. A terminal's packet is translated in three steps that are all known beforehand:

    terminal, port p   --nftables-->  inner IPv6 address of its slot, port q
                       --tayga----->  inner IPv4 address of the same slot, port q
                       --nftables-->  public IPv4 address, port r of the subscriber's port set

tayga maps each slot one to one and knows nothing of subscribers, so it runs on while they come and go. All that
changes is nftables, in one transaction, in a table of our own. Connection tracking sees the first and the last
step; the two are joined in `conntrack` by (protocol, slot, q, destination), which is unique at any moment.
"""
