-- Return what was proposed, in the order of the log: events that no other one caused.
-- `stated_at` is the time that the source stated, else that of the entry. It is the time of the entry, too, of a step
-- back that was let pass because two clocks differ by so much: an import has one clock, and would call it stale.
SELECT
    e.position, e.name, e.stream, e.workflow_id,
    CASE
        WHEN e.occurred_at IS NULL THEN greatest(e.recorded_at, e.entered_at)
        WHEN e.data ? 'clock_tolerance' AND e.data ->> 'rule' IS DISTINCT FROM 'stale-report' THEN e.entered_at
        ELSE e.occurred_at
    END AS stated_at,
    e.entered_at, e.data,
    (e.data ->> 'num_attempts')::integer - (before.data ->> 'num_attempts')::integer AS attempts,
    t.lifecycle, t.lifecycle_version
FROM
    sojourn.event AS e
    LEFT JOIN sojourn.event AS before
        ON e.name = 'task.transitioned.v1' AND before.entity_kind = e.entity_kind AND before.entity_id = e.entity_id
             AND before.version = e.version - 1
    LEFT JOIN sojourn.task AS t
        ON t.task_id = CASE
            WHEN e.name IN ('task.transitioned.v1', 'task.refused.v1') THEN substr(e.stream, 6)
            WHEN e.name = 'task_instance.created.v1' THEN e.data ->> 'task_id'
        END
WHERE
    NOT e.data ? 'cause'
    AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
ORDER BY e.position;
