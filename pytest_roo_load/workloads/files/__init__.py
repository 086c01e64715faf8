"""Files that travel from one device of a user to the others: `file_sync`."""
