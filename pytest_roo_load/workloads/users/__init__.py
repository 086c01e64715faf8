"""Many users of a CCS, from their creation to their end: `mass_users`."""
