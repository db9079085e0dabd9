-- Return those of some active tasks that nothing moves on, by each reason: a hold, or the orphan rule.
CREATE OR REPLACE FUNCTION sojourn.stopped_tasks(task_ids text[])
RETURNS TABLE (task_id text, reason text, since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.task_id, 'hold', h.since
    FROM sojourn.current_wait AS h
    WHERE h.kind = 'hold' AND h.entity_kind = 'task' AND h.entity_id = ANY (stopped_tasks.task_ids)
    UNION ALL
    SELECT h.task_id, 'hold', h.since
    FROM
        sojourn.task_instance AS i
        JOIN sojourn.current_wait AS h ON h.entity_kind = 'task_instance' AND h.entity_id = i.task_instance_id
    WHERE h.kind = 'hold' AND i.task_id = ANY (stopped_tasks.task_ids)
    UNION ALL
    SELECT t.task_id, 'ended-parent', p.entered_at
    FROM
        sojourn.task AS t
        JOIN sojourn.current_task AS p ON p.task_id = t.parent_id
        JOIN sojourn.lifecycle_class AS c
            ON c.lifecycle = p.lifecycle AND c.lifecycle_version = p.lifecycle_version AND c.entity_kind = 'task'
    WHERE t.task_id = ANY (stopped_tasks.task_ids) AND p.status = ANY (c.ended)
    UNION ALL
    SELECT o.task_id, o.rule, o.since
    FROM sojourn.orphan_stalled_task AS o
    WHERE o.task_id = ANY (stopped_tasks.task_ids)
    UNION ALL
    SELECT o.task_id, o.rule, o.since
    FROM sojourn.orphan_missed_heartbeat AS o
    WHERE o.task_id = ANY (stopped_tasks.task_ids)
    UNION ALL
    SELECT o.task_id, o.rule, o.since
    FROM sojourn.orphan_dead_runner AS o
    WHERE o.task_id = ANY (stopped_tasks.task_ids)
$$;

COMMENT ON FUNCTION sojourn.stopped_tasks IS
    'Those of some active tasks that nothing moves on, now or as of sojourn.as_of: on hold, or by an orphan rule.';
