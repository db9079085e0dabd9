-- Return the workflows whose events in the log are not those of their tombstones, given as an object of digests.
SELECT d.workflow_id
FROM jsonb_each_text(%(digests)s) AS d (workflow_id, digest)
WHERE d.digest IS DISTINCT FROM (
    SELECT encode(sha256(string_agg(sojourn.digest_event(e), '' ORDER BY e.position)), 'hex')
    FROM sojourn.event AS e
    WHERE e.stream = ANY (%(streams)s) AND e.workflow_id = d.workflow_id
);
