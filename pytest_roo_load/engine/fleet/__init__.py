"""Fleets: where the generators of a run live."""
