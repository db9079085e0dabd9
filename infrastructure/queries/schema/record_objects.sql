-- Store the checksum of the views and functions.
INSERT INTO sojourn.migration (name, checksum) VALUES ('objects', %s)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = clock_timestamp();
