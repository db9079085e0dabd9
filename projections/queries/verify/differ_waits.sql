-- Return whether a wait has another value than its event, is missing, or is of no event. No more holders are read.
WITH expected AS MATERIALIZED (
    SELECT
        p.position, p.entity_kind, p.entity_id, p.version, p.task_id, p.workflow_id, p.status, p.since, p.kind, p.detail,
        p.holders[:%(most_holders)s] AS holders
    FROM sojourn.stored_event AS e CROSS JOIN LATERAL sojourn.project_wait(e) AS p
    WHERE e.rest ? 'waits_for'
)
SELECT
    EXISTS (TABLE expected EXCEPT ALL TABLE sojourn.wait) OR EXISTS (TABLE sojourn.wait EXCEPT ALL TABLE expected);
