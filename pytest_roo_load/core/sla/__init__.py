"""Service-level objectives: their grammar, the table file, and the judge."""
