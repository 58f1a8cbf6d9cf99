"""Flow and NAT-session batches: Arrow schema, wire codec, headers and their version rule."""
