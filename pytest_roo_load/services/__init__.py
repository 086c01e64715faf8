"""Recipes for the services of a run: which program, which settings, when it is ready."""
