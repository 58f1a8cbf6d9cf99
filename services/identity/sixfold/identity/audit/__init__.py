"""The audit trail: an append-only log whose every record comes with a signed checkpoint of the tree that it made."""
