-- Return settings as this session has them.
SELECT s.name, s.setting FROM pg_settings AS s WHERE s.name = ANY (%s);
