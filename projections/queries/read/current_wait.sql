-- Return what an entity waits for in its status, as it stated last.
SELECT w.kind, w.detail, w.holders, w.since
FROM sojourn.current_wait AS w
WHERE w.entity_kind = %s AND w.entity_id = %s;
