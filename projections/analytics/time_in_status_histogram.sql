-- Count the intervals in each status by their length.
CREATE OR REPLACE FUNCTION sojourn.time_in_status_histogram(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, workflow_id text DEFAULT NULL,
    terminal boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, from_seconds float8, to_seconds float8, n bigint, open bigint
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH counted AS (
        SELECT
            s.status,
            CASE
                WHEN time_in_status_histogram.by IN ('reason', 'state-name') THEN s.label
                ELSE sojourn.group_key(time_in_status_histogram.by, s.workflow_id, s.template, s.actor, s.entered_at)
            END AS "group",
            width_bucket(s.seconds, sojourn.histogram_bounds()) AS bin,
            count(*) AS n, count(*) FILTER (WHERE s.open) AS open
        FROM sojourn.interval_by(time_in_status_histogram.by) AS s
        WHERE
            sojourn.check_choice('entity_kind', time_in_status_histogram.entity_kind, ARRAY['task', 'task_instance'])
            AND sojourn.check_choice(
                'by', time_in_status_histogram.by,
                ARRAY[NULL, 'workflow', 'template', 'actor', 'hour', 'day', 'week', 'reason', 'state-name']
            )
            AND sojourn.check_workflow(time_in_status_histogram.workflow_id)
            AND s.entity_kind = time_in_status_histogram.entity_kind
            AND (
                time_in_status_histogram.workflow_id IS NULL
                OR s.workflow_id = time_in_status_histogram.workflow_id
            )
            AND (s.lifecycle, s.lifecycle_version, s.status) NOT IN (
                SELECT l.lifecycle, l.lifecycle_version, l.status
                FROM sojourn.lifecycle_status AS l
                WHERE
                    l.entity_kind = time_in_status_histogram.entity_kind AND l.terminal
                    AND NOT time_in_status_histogram.terminal
            )
            -- Up to now, what is in a terminal status stays for no time, because that would grow for ever.
            AND NOT (
                s.open AND (SELECT sojourn.as_of()) IS NULL
                AND (s.lifecycle, s.lifecycle_version, s.status) IN (
                    SELECT l.lifecycle, l.lifecycle_version, l.status
                    FROM sojourn.lifecycle_status AS l
                    WHERE l.entity_kind = time_in_status_histogram.entity_kind AND l.terminal
                )
            )
        GROUP BY 1, 2, 3
    ),
    followed AS (
        SELECT c.*, lead(c.bin) OVER (PARTITION BY c.status, c."group" ORDER BY c.bin) AS next_bin
        FROM counted AS c
    )
    -- The empty bins before the next one follow each bin.
    SELECT
        f.status, f."group", coalesce(bound.seconds[b.bin], 0), bound.seconds[b.bin + 1],
        CASE WHEN b.bin = f.bin THEN f.n ELSE 0 END, CASE WHEN b.bin = f.bin THEN f.open ELSE 0 END
    FROM
        followed AS f
        CROSS JOIN LATERAL generate_series(f.bin, coalesce(f.next_bin - 1, f.bin)) AS b (bin)
        CROSS JOIN (VALUES (sojourn.histogram_bounds())) AS bound (seconds)
    ORDER BY f."group" NULLS FIRST, f.status, b.bin
$$;

COMMENT ON FUNCTION sojourn.time_in_status_histogram IS
    'How many intervals in each status lasted from_seconds or more and below to_seconds (NULL: no limit), for intervals as '
    'sojourn.time_in_status takes them. There is a row for each bin from the shortest interval to the longest.';
