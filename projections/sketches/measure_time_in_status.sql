-- Summarise how long entities stay in each status: exactly, or from the sketches where there are too many stays to read.
CREATE OR REPLACE FUNCTION sojourn.measure_time_in_status(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, workflow_id text DEFAULT NULL,
    terminal boolean DEFAULT false, exact boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, n bigint, open bigint, total_seconds float8, mean_seconds float8,
    p50_seconds float8, p90_seconds float8, p99_seconds float8, km_p50_seconds float8, km_p90_seconds float8,
    error float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.*, NULL::float8
    FROM
        sojourn.time_in_status(
            measure_time_in_status.entity_kind, measure_time_in_status.by, measure_time_in_status.workflow_id,
            measure_time_in_status.terminal
        ) AS t
    WHERE
        NOT (
            SELECT sojourn.is_sketched(
                measure_time_in_status.entity_kind, measure_time_in_status.by, measure_time_in_status.workflow_id,
                measure_time_in_status.exact
            )
        )
    UNION ALL
    SELECT e.*, 0.01::float8
    FROM
        sojourn.estimate_time_in_status(
            measure_time_in_status.entity_kind, CASE WHEN measure_time_in_status.by = 'template' THEN 'template' END,
            measure_time_in_status.terminal
        ) AS e
    WHERE (
        SELECT sojourn.is_sketched(
            measure_time_in_status.entity_kind, measure_time_in_status.by, measure_time_in_status.workflow_id,
            measure_time_in_status.exact
        )
    )
    ORDER BY 2 NULLS FIRST, 5 DESC, 1
$$;

COMMENT ON FUNCTION sojourn.measure_time_in_status IS
    'How long tasks or task instances stay in each status: sojourn.time_in_status, or, for 200000 ended stays or more, '
    'sojourn.estimate_time_in_status, whose error is stated: quantiles of what has ended are within that share. '
    'exact reads every stay.';
