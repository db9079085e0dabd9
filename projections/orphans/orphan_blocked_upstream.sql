-- Show tasks that cannot start, because one that they wait for failed or is not moved on.
-- Its rule is a constant, so that a question about other rules does not walk.
CREATE OR REPLACE VIEW sojourn.orphan_blocked_upstream AS
SELECT
    'task' AS entity_kind, b.entity_id, b.task_id, b.workflow_id, 'blocked-upstream' AS rule, false AS decided,
    b.since, b.evidence, b.expected, b.explanation, b.status
FROM sojourn.blocked_upstream() AS b;

COMMENT ON VIEW sojourn.orphan_blocked_upstream IS
    'Tasks that cannot start, because one that they wait for, at any distance, failed or is not moved on.';
