-- Store a lifecycle, unless its name and version are stored already.
INSERT INTO sojourn.lifecycle (name, version, definition) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING;
