-- Show entities that have been in a status that ends nothing for longer than is allowed there.
-- Its rule is a constant, so that a question about other rules does not compare intervals.
CREATE OR REPLACE VIEW sojourn.orphan_stuck AS
SELECT
    s.entity_kind, s.entity_id COLLATE "C" AS entity_id, s.task_id COLLATE "C" AS task_id,
    s.workflow_id COLLATE "C" AS workflow_id, 'stuck' AS rule, false AS decided, s.since, s.evidence,
    s.expected COLLATE "C" AS expected, s.explanation COLLATE "C" AS explanation, s.status COLLATE "C" AS status
FROM sojourn.stuck_entities() AS s;

COMMENT ON VIEW sojourn.orphan_stuck IS
    'Entities that have been in a status that ends nothing for longer than is allowed.';
