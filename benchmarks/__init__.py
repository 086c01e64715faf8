"""How fast and how small the project is, beside its peers: ``python -m benchmarks [NAME...]`` from a clone.

`suite/` has one file for each benchmark, `programs/` what runs as a process of its own, `servers/` what is loaded. A
benchmark is a module with a function `measure()` that gives an `Outcome`; a line in `suite/__init__.py` makes it known.
Outcomes are kept in `results/`, and `docs/benchmarks.md` is made of these alone.
"""
