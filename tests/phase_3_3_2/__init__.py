"""Phase 3.3.2, production load and performance testing: one module for each sub-phase, objectives in sla.toml."""
