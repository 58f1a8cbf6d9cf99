"""What the loader knows of batches, without the bus and without the warehouse."""
