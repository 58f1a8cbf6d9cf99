"""Subscribers, terminals and the addresses they hold, by pseudonym. Pure."""
