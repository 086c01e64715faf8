"""Commands: queued in PostgreSQL, handed to workers over a Redis stream, executed by devices or by the server."""
