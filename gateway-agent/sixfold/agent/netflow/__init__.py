"""NetFlow v5, NetFlow v9 (RFC 3954) and IPFIX (RFC 7011), decoded to columns without a Python step per flow."""
