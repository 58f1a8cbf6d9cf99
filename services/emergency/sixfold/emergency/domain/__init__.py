"""Public alerts: what a CAP 1.2 message must be, and what becomes of it. Pure."""
