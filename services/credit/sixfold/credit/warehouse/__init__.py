"""The warehouse: ClickHouse by DSN, its schema, and what may be asked of it."""
