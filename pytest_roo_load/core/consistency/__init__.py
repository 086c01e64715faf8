"""Checkers of recorded histories: whether a system kept what it promised. One file for each promise."""
