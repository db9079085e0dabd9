-- Store the checksum and the version of the views and functions.
INSERT INTO sojourn.migration (name, checksum, version) VALUES ('objects', %s, %s)
ON CONFLICT (name) DO UPDATE
SET checksum = excluded.checksum, version = excluded.version, applied_at = clock_timestamp();
