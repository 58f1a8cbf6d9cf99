"""Policies against attacks: what the security centre has told this gateway to do to which packets, until when.

`read` checks what was told, `render` makes one transaction of nftables of it, `counts` reads back what it did,
`control` has it in force and remembers it, `divert` announces routes to routers. The table is one of its own, so what
the gateway translates is not touched. Every policy ends by itself: its prefixes stand in sets whose elements
have a timeout, so the kernel ends it also where no agent runs.
"""
