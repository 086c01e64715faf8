"""The ideas of load testing as values and pure functions: no clock, no sockets, no asyncio, no pytest."""
