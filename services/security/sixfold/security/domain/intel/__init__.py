"""Threat intelligence: sets of listed prefixes, how feeds are read, and which are not believed."""
