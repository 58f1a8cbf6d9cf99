"""The microservice chassis: config, lifecycle, messaging, ledger, rpc, telemetry. No business word in it."""
