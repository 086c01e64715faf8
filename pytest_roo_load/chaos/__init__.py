"""A proxy that breaks connections on purpose: a process of its own, one listener per link, toxics per direction."""
