"""The contract and the centres."""
