-- Revoke a token and return it.
UPDATE sojourn.token SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE name = %s
RETURNING name, scope, created_at, revoked_at;
