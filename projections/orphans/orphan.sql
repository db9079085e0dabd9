-- Show every orphan by every rule, each of which is a view of its own.
-- since: from when on the rule has held. evidence: positions in the log. expected: what is missing. decided: a rule of
-- the lifecycle has ended it already.
CREATE OR REPLACE VIEW sojourn.orphan AS
SELECT
    CASE o.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || o.entity_id AS entity,
    o.rule, o.since, o.evidence, o.expected, o.explanation, o.decided, o.workflow_id, o.task_id, o.entity_kind,
    o.entity_id, o.status
FROM (
    SELECT * FROM sojourn.orphan_terminal_parent
    UNION ALL
    SELECT * FROM sojourn.orphan_superseded
    UNION ALL
    SELECT * FROM sojourn.orphan_missed_heartbeat
    UNION ALL
    SELECT * FROM sojourn.orphan_never_launched
    UNION ALL
    SELECT * FROM sojourn.orphan_dead_runner
    UNION ALL
    SELECT * FROM sojourn.orphan_stuck
    UNION ALL
    SELECT * FROM sojourn.orphan_stalled_task
    UNION ALL
    SELECT * FROM sojourn.orphan_ended_parent
    UNION ALL
    SELECT * FROM sojourn.orphan_blocked_upstream
    UNION ALL
    SELECT * FROM sojourn.orphan_late_report
) AS o;

COMMENT ON VIEW sojourn.orphan IS
    'Every orphan by every rule, now or as of sojourn.as_of. decided: a rule of the lifecycle has ended it '
    'already.';
