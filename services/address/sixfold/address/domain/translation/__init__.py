"""Shared IPv4: rules in time, overlaps refused, both directions computed."""
