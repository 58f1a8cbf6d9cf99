"""The six centres, asked over gRPC."""
