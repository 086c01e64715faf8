"""The ways to PostgreSQL: one driver per file, all behind `connection.Connection`."""
