"""A load on a server of WebSockets: `websocket_swarm`."""
