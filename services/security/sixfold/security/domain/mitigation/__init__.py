"""Mitigation: what is done at the gateways against an incident, who decided it, what it does, and its end."""
