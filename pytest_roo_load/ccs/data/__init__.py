"""The SQL of the server, one noun per module. Rows that are answered leave PostgreSQL as JSON text."""
