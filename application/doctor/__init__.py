"""Examine a database, its server and this machine: what is wrong, and what to do about it."""
