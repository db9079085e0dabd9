-- Return the workflows whose events in the log are not those of their tombstones, given as an object of digests.
SELECT d.workflow_id
FROM jsonb_each_text(%(digests)s) AS d (workflow_id, digest)
WHERE d.digest IS DISTINCT FROM (
    SELECT encode(sha256(string_agg(sojourn.digest_stored(e), '' ORDER BY e.position)), 'hex')
    FROM
        unnest(%(streams)s::text[]) AS s (stream)
        JOIN sojourn.stored_event AS e
            ON e.entity_kind = sojourn.kind_of(s.stream) AND e.entity_id = sojourn.id_of(s.stream)
    WHERE e.workflow_id = d.workflow_id
);
