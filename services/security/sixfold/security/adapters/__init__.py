"""The outside of the security centre: the bus, the ledger's codec, metrics."""
