"""The bench: what Sojourn does on a server each second, next to the least that the database could do for it."""
