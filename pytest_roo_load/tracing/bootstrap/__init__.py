"""A folder for PYTHONPATH, with nothing else in it."""
