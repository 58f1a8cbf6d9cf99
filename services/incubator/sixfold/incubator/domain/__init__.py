"""Keys, limits and redaction: pure."""
