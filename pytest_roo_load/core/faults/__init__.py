"""Faults as values: what is broken and when, what became of it, and when the target had recovered."""
