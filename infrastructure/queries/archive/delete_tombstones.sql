-- Delete the tombstones of workflows, with the hashes of their entities' streams.
WITH deleted AS (
    DELETE FROM sojourn.archived_workflow AS a WHERE a.workflow_id = ANY (%(workflows)s) RETURNING a.number
)
DELETE FROM sojourn.archived_entity AS e
USING unnest(%(streams)s::text[]) AS s (stream), deleted AS d
WHERE e.stream_hash = sojourn.hash_stream(s.stream) AND e.number = d.number;
