-- Return the roles that this server lacks.
SELECT w.name
FROM unnest(ARRAY['sojourn_reader', 'sojourn_writer']) AS w (name)
WHERE to_regrole(w.name) IS NULL;
