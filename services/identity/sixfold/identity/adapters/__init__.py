"""What touches the world: keys, the vault, NAT sessions, the ledger's codec, the counters."""
