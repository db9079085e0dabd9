"""The bench: the throughput of Sojourn on a server, next to the floor of the database's own work."""
