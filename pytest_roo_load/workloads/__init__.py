"""Ready-made loads on databases, caches, queues and WebSocket servers: each sets up, loads, checks and cleans up."""
