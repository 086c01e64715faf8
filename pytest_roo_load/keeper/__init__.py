"""The keeper: the process of a run that owns its services, and the client that speaks to it."""
