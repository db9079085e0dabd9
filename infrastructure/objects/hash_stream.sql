-- Return the first 64 bits of a stream's SHA-256, by which tombstones name their entities in eight bytes each.
CREATE OR REPLACE FUNCTION sojourn.hash_stream(stream text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || encode(substr(sha256(convert_to(stream, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
$$;

COMMENT ON FUNCTION sojourn.hash_stream IS 'Return the first 64 bits of a stream''s SHA-256.';
