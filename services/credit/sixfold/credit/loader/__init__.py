"""From the bus into the warehouse, each batch exactly once."""
