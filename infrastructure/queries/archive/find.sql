-- Return where the archive has each stream or workflow, for those that it has, at most `limit` of them.
SELECT f.tombstone
FROM
    unnest(%(streams)s::text[], %(workflows)s::text[]) AS n (stream, workflow_id)
    CROSS JOIN LATERAL (SELECT sojourn.find_tombstone(n.stream, n.workflow_id)) AS f (tombstone)
WHERE EXISTS (SELECT FROM sojourn.archived_workflow) AND f.tombstone IS NOT NULL
LIMIT %(limit)s;
