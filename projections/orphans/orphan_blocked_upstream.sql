-- Show tasks that cannot start, because one that they wait for failed or is not moved on.
CREATE OR REPLACE VIEW sojourn.orphan_blocked_upstream AS
SELECT
    b.entity_kind, b.entity_id, b.task_id, b.workflow_id, b.rule, b.decided, b.since, b.evidence, b.expected,
    b.explanation, b.status
FROM sojourn.blocked_upstream() AS b;

COMMENT ON VIEW sojourn.orphan_blocked_upstream IS
    'Tasks that cannot start, because one that they wait for, at any distance, failed or is not moved on.';
