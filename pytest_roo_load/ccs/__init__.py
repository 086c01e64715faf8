"""The reference Communication & Control Server: the target that comes with the package.

It runs as a process, ``python -m pytest_roo_load.ccs``; nothing here imports the rest of the package and nothing
imports this. Folders: ``routes/`` answers HTTP, ``websocket/`` relays frames, ``data/`` holds the SQL.
"""
