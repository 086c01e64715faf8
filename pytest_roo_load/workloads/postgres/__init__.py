"""A load on PostgreSQL: `postgres_stress`."""
