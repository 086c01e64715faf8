"""Documents about a run, each written from its directory alone."""
