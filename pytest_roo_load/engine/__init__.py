"""Drives virtual users and records what they did."""
