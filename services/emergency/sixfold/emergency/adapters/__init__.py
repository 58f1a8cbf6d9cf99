"""What touches the world: XML, keys, the bus."""
