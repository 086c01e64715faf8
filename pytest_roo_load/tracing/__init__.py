"""Which lines of a Python program allocate what it still has, and how many tasks it has: asked of it while it runs."""
