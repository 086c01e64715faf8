"""Which lines of a Python program allocate what it still has: asked of the program itself while it runs."""
