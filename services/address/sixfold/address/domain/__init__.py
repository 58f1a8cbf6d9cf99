"""Prefixes, pools, delegations and leases. Pure."""
