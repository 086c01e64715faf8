"""A load on Redis: `redis_stress`."""
