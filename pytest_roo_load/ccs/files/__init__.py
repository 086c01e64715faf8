"""Bytes of files: ``layout`` how a file is cut, ``storage`` where they lie, ``uploads`` how they arrive.

``sending`` is the way out; the rows that describe files are in ``data/files``.
"""
