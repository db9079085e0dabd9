INSERT INTO sojourn.checkpoint (subscription) VALUES (%s) ON CONFLICT DO NOTHING;
