-- Return who is silent now without an event that records it.
WITH silent AS (
    SELECT s.entity_kind, s.entity_id, s.since
    FROM sojourn.silence AS s
    WHERE s.entity_kind = 'runner' AND s.until IS NULL
    UNION ALL
    SELECT 'task_instance', i.task_instance_id, lower(s.range)
    FROM
        sojourn.task_instance AS i
        JOIN sojourn.task AS t ON t.task_id = i.task_id
        JOIN sojourn.lifecycle_status AS c
            ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version
                AND c.entity_kind = 'task_instance' AND c.status = i.status AND NOT c.terminal
        LEFT JOIN sojourn.lease AS l ON l.holder = 'task_instance:' || i.task_instance_id
        CROSS JOIN LATERAL unnest(sojourn.silence_intervals('task_instance', i.task_instance_id)) AS s (range)
    WHERE
        greatest(i.report_by_date, l.report_by) < statement_timestamp()
        AND s.range @> statement_timestamp()
)
SELECT s.entity_kind, s.entity_id, s.since
FROM silent AS s
WHERE
    NOT EXISTS (
        SELECT FROM sojourn.event AS e
        WHERE
            e.entity_kind = s.entity_kind AND e.entity_id = s.entity_id
            AND e.name = s.entity_kind || '.lapsed.v1'
            AND (e.data ->> 'silent_since')::timestamptz = s.since
    )
ORDER BY s.entity_kind, s.entity_id;
