-- Return where the archive has a stream or a workflow, as a JSON object, or NULL where it has neither.
CREATE OR REPLACE FUNCTION sojourn.find_tombstone(stream text, workflow_id text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'entity', coalesce(find_tombstone.stream, 'workflow:' || a.workflow_id), 'workflow', a.workflow_id,
        'folder', a.folder, 'archived_at', a.archived_at
    )
    FROM sojourn.archived_workflow AS a
    WHERE
        a.workflow_id = find_tombstone.workflow_id
        OR a.number IN (
            SELECT e.number FROM sojourn.archived_entity AS e
            WHERE e.stream_hash = sojourn.hash_stream(find_tombstone.stream)
        )
    LIMIT 1
$$;

COMMENT ON FUNCTION sojourn.find_tombstone IS
    'Return where the archive has a stream (task:ID, task_instance:ID, array:ID) or a workflow, or NULL.';
