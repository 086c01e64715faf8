"""Commands in bulk, executed by devices: `commands`."""
