"""Address arithmetic that more than one process needs: pure functions over the standard library.

`embedded` (RFC 6052), `port_set` and `map_rule` (RFC 7597, 7599), `provisioning` (RFC 7598), `deterministic_nat`
(RFC 7422), `lw4o6` (RFC 7596), `opaque_iid` (RFC 7217, 5453), `ff1` (NIST SP 800-38G) and `trusted_iid`, `density`
(RFC 3194). `columns` does the frequent ones over numpy columns and is the only module that needs numpy.

Wrong parameters raise `AddressingError`, a ValueError; asking for what nobody has answers None.
"""
