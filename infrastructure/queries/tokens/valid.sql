-- Return every token, with its hash while it is valid.
-- Revoked tokens count too: once the last one is revoked, nobody gets in, instead of everybody.
SELECT t.name, t.scope, CASE WHEN t.revoked_at IS NULL THEN t.sha256 END AS sha256 FROM sojourn.token AS t;
