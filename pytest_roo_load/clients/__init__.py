"""Clients that virtual users speak with; every request they make is an operation that is counted and timed."""
