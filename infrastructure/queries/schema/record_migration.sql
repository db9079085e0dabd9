-- Record that a migration was applied.
INSERT INTO sojourn.migration (name, checksum) VALUES (%s, %s);
