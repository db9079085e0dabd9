-- Append a batch of events, as sojourn.append describes.
SELECT sojourn.append(%s::jsonb);
