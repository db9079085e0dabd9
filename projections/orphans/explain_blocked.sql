-- Return the orphans of the rule blocked-upstream that tasks are because of their first causes.
-- The arrays have one element for each task: its first cause, why and since when that blocks it by which event, and how
-- many causes the task has. A cause that is silent is named with its attempt and its runner.
CREATE OR REPLACE FUNCTION sojourn.explain_blocked(
    task_ids text[], cause_ids text[], reasons text[], sinces timestamptz[], positions bigint[], causes bigint[]
)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, workflow_id text, rule text, decided boolean, since timestamptz,
    evidence bigint[], expected text, explanation text, status text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    WITH silent AS MATERIALIZED ( -- once for each cause, because many tasks may have the same one
        SELECT c.cause_id, a.task_instance_id, a.since, a.position, a.reporter
        FROM
            (
                SELECT DISTINCT u.cause_id
                FROM unnest(explain_blocked.cause_ids, explain_blocked.reasons) AS u (cause_id, reason)
                WHERE u.reason = 'missed-heartbeat'
            ) AS c
            CROSS JOIN LATERAL sojourn.silent_attempt(c.cause_id) AS a
    )
    SELECT
        'task', t.task_id, t.task_id, t.workflow_id, 'blocked-upstream', false,
        greatest(f.since, edge.since), array_remove(ARRAY[edge.position, f.position, s.position], NULL),
        format('task:%s in a terminal status that is not a failure', f.cause_id),
        format(
            'task:%s is %s and cannot start, because task:%s, %s, is %s since %s%s%s%s', t.task_id, t.status, f.cause_id,
            CASE
                WHEN EXISTS (
                    SELECT FROM sojourn.dependency AS d
                    WHERE
                        d.task_id = t.task_id AND d.upstream_id = f.cause_id
                        AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                    OFFSET 0 -- one by one, because a hash would hold every link
                )
                    THEN 'upstream of it'
                ELSE 'upstream of what it waits for'
            END,
            c.status, sojourn.format_utc(c.entered_at),
            CASE f.reason
                WHEN 'failed' THEN ''
                WHEN 'hold' THEN ' on hold'
                WHEN 'ended-parent' THEN ' although its parent has ended'
                WHEN 'stalled-task' THEN ' without an active instance'
                WHEN 'missed-heartbeat' THEN format(
                    ' in ti:%s, which is silent since %s%s', s.task_instance_id, sojourn.format_utc(s.since),
                    coalesce(' and was last reported by ' || s.reporter, '')
                )
            END,
            CASE
                WHEN c.owner IS NULL THEN ''
                WHEN r.silent_since IS NOT NULL
                    THEN format(', owned by runner:%s, which is silent since %s', c.owner, sojourn.format_utc(r.silent_since))
                WHEN f.reason = 'dead-runner' THEN format(', owned by runner:%s, which never sent a heartbeat', c.owner)
                ELSE format(', owned by runner:%s', c.owner)
            END,
            CASE WHEN f.causes > 1 THEN format(' (the first of %s causes)', f.causes) ELSE '' END
        ),
        t.status
    FROM
        unnest(
            explain_blocked.task_ids, explain_blocked.cause_ids, explain_blocked.reasons, explain_blocked.sinces,
            explain_blocked.positions, explain_blocked.causes
        ) AS f (task_id, cause_id, reason, since, "position", causes)
        CROSS JOIN LATERAL (SELECT n.* FROM sojourn.current_task AS n WHERE n.task_id = f.task_id OFFSET 0) AS t
        CROSS JOIN LATERAL (SELECT n.* FROM sojourn.current_task AS n WHERE n.task_id = f.cause_id OFFSET 0) AS c
        CROSS JOIN LATERAL (
            SELECT d.since, d.position
            FROM sojourn.dependency AS d
            WHERE d.task_id = f.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
            ORDER BY d.position
            LIMIT 1
        ) AS edge
        LEFT JOIN silent AS s ON s.cause_id = f.cause_id AND f.reason = 'missed-heartbeat'
        LEFT JOIN sojourn.runner AS r ON r.runner_id = c.owner
$$;

COMMENT ON FUNCTION sojourn.explain_blocked IS
    'The orphans of the rule blocked-upstream that tasks are because of their first causes; the arrays have one element '
    'for each task.';
