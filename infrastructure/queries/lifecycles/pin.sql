INSERT INTO sojourn.lifecycle (name, version, definition) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING;
