-- Lock instances, and return since when each is silent where that is recorded and nothing was reported since.
WITH i AS MATERIALIZED (
    SELECT * FROM sojourn.task_instance
    WHERE task_instance_id = ANY (%s)
    ORDER BY task_instance_id
    FOR NO KEY UPDATE {wait}
)
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.version, i.entered_at, i.report_by_date,
    i.distributor_id, lapse.silent_since
FROM
    i
    LEFT JOIN LATERAL (
        SELECT CASE WHEN e.name = 'task_instance.lapsed.v1' THEN (e.data ->> 'silent_since')::timestamptz END
        FROM sojourn.event AS e
        WHERE
            e.entity_kind = 'task_instance' AND e.entity_id = i.task_instance_id
            AND (e.name IN ('task_instance.lapsed.v1', 'task_instance.returned.v1') OR e.is_transition)
        ORDER BY e.version DESC
        LIMIT 1
    ) AS lapse (silent_since) ON true
ORDER BY i.task_instance_id;
