-- Count the distinct sequences of statuses.
CREATE OR REPLACE FUNCTION sojourn.variants(entity_kind text DEFAULT 'task', workflow_id text DEFAULT NULL)
RETURNS TABLE (statuses text[], n bigint, share float8, median_seconds float8, examples text[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        v.statuses, count(*) AS n, count(*) / (sum(count(*)) OVER ())::float8,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY v.seconds),
        (array_agg(v.entity_id ORDER BY v.entity_id))[1:3]
    FROM (
        SELECT
            s.entity_id, array_agg(s.status ORDER BY s.version) AS statuses,
            -- The last status goes on unless it is terminal.
            date_part(
                'epoch',
                max(
                    CASE
                        WHEN (s.lifecycle, s.lifecycle_version, s.status) IN (
                            SELECT l.lifecycle, l.lifecycle_version, l.status
                            FROM sojourn.lifecycle_status AS l
                            WHERE l.entity_kind = variants.entity_kind AND l.terminal
                        ) THEN s.entered_at
                        ELSE s.ended_at
                    END
                ) - min(s.entered_at)
            ) AS seconds
        FROM sojourn.status_interval AS s
        WHERE
            sojourn.check_choice('entity_kind', variants.entity_kind, ARRAY['task', 'task_instance'])
            AND sojourn.check_workflow(variants.workflow_id)
            AND s.entity_kind = variants.entity_kind
            AND (variants.workflow_id IS NULL OR s.workflow_id = variants.workflow_id)
        GROUP BY s.entity_id
    ) AS v
    GROUP BY v.statuses
    ORDER BY n DESC, v.statuses
$$;

COMMENT ON FUNCTION sojourn.variants IS
    'The distinct sequences of statuses that tasks or task instances went through: how many did, their share, the '
    'median of the seconds from the first status to the terminal one, or up to now or sojourn.as_of, and up to three '
    'examples.';
