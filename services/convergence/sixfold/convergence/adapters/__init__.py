"""The outside of the convergence centre: the bus, the ledger's codec, metrics."""
