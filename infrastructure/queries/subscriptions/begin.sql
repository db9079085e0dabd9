-- Begin a subscription at the start of the log, unless it exists.
INSERT INTO sojourn.checkpoint (subscription) VALUES (%s) ON CONFLICT DO NOTHING;
