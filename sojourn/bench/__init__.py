"""Measuring a server: what Sojourn does on it each second, beside the least that the database could do for it."""
