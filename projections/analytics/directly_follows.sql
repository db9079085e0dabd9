-- Count how often each status came right after another.
CREATE OR REPLACE FUNCTION sojourn.directly_follows(entity_kind text DEFAULT 'task', workflow_id text DEFAULT NULL)
RETURNS TABLE (source text, target text, n bigint, median_seconds float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT NULL, s.status, count(*), NULL
    FROM sojourn.status_interval AS s
    WHERE
        sojourn.check_choice('entity_kind', directly_follows.entity_kind, ARRAY['task', 'task_instance'])
        AND sojourn.check_workflow(directly_follows.workflow_id)
        AND s.entity_kind = directly_follows.entity_kind AND s.previous_status IS NULL
        AND (directly_follows.workflow_id IS NULL OR s.workflow_id = directly_follows.workflow_id)
    GROUP BY s.status
    UNION ALL
    SELECT
        s.status, s.next_status, count(*),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds) FILTER (
            -- Up to now, what is in a terminal status stays for no time, because that would grow for ever.
            WHERE NOT (
                s.open AND (SELECT sojourn.as_of()) IS NULL
                AND (s.lifecycle, s.lifecycle_version, s.status) IN (
                    SELECT l.lifecycle, l.lifecycle_version, l.status
                    FROM sojourn.lifecycle_status AS l
                    WHERE l.entity_kind = directly_follows.entity_kind AND l.terminal
                )
            )
        )
    FROM sojourn.status_interval AS s
    WHERE
        s.entity_kind = directly_follows.entity_kind
        AND (directly_follows.workflow_id IS NULL OR s.workflow_id = directly_follows.workflow_id)
    GROUP BY s.status, s.next_status
    ORDER BY 1 NULLS FIRST, 3 DESC, 2
$$;

COMMENT ON FUNCTION sojourn.directly_follows IS
    'How often each status came right after another, and the median of the seconds in the first. source is NULL where '
    'an entity begins; target is NULL for those that are still in source, up to now or to sojourn.as_of '
    '(without seconds up to now if it is terminal).';
