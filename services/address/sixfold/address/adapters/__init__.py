"""What touches the world: the ledger's codec and snapshots, the counters."""
