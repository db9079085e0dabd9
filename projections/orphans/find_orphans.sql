-- Return the orphans by every rule, or by those of `rules`: of one entity, of a workflow, or all.
-- Each rule is asked by itself, so that planning costs nothing for those that are not wanted or are about the other kind of
-- entity. The rules stuck and blocked-upstream are asked about what is wanted alone, because their views cannot be narrowed.
CREATE OR REPLACE FUNCTION sojourn.find_orphans(
    workflow_id text DEFAULT NULL, entity_kind text DEFAULT NULL, entity_id text DEFAULT NULL, rules text[] DEFAULT NULL
)
RETURNS SETOF sojourn.orphan
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    source text;
BEGIN
    FOR source IN
        SELECT s.source
        FROM
            (
                VALUES
                ('terminal-parent', 'task_instance', 'orphan_terminal_parent'),
                ('superseded', 'task_instance', 'orphan_superseded'),
                ('missed-heartbeat', 'task_instance', 'orphan_missed_heartbeat'),
                ('never-launched', 'task_instance', 'orphan_never_launched'),
                ('dead-runner', 'task', 'orphan_dead_runner'),
                ('stuck', NULL, 'stuck_entities($1, $2, $3)'),
                ('stalled-task', 'task', 'orphan_stalled_task'),
                ('ended-parent', 'task', 'orphan_ended_parent'),
                ('blocked-upstream', 'task', 'blocked_upstream($1, $3)'),
                ('late-report', 'task_instance', 'orphan_late_report')
            ) AS s (rule, entity_kind, source)
        WHERE
            ($4 IS NULL OR s.rule = ANY ($4))
            AND (s.entity_kind = $2) IS NOT FALSE
            AND (s.rule <> 'blocked-upstream' OR $2 = 'task' OR $3 IS NULL)
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT
                CASE o.entity_kind WHEN ''task'' THEN ''task:'' ELSE ''ti:'' END || o.entity_id, o.rule, o.since,
                o.evidence, o.expected, o.explanation, o.decided, o.workflow_id, o.task_id, o.entity_kind, o.entity_id,
                o.status
            FROM sojourn.%s AS o
            WHERE
                ($1 IS NULL OR o.workflow_id = $1) AND ($2 IS NULL OR o.entity_kind = $2)
                AND ($3 IS NULL OR o.entity_id = $3)',
            source
        ) USING $1, $2, $3;
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.find_orphans (text, text, text, text []) IS
    'The orphans by every rule, or by those of rules, of one entity, of a workflow, or all, now or as of sojourn.as_of, as '
    'in sojourn.orphan. It reads what belongs to them alone.';
