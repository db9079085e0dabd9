-- Return every token, without its secret.
SELECT t.name, t.scope, t.created_at, t.revoked_at FROM sojourn.token AS t ORDER BY t.created_at, t.name;
