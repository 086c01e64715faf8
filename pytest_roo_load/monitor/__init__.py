"""Watches what the processes of a run use."""
