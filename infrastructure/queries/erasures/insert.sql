-- Begin an erasure, and return its number.
INSERT INTO sojourn.erasure (number, actor, workflow_id)
SELECT coalesce(max(e.number), 0) + 1, %(actor)s, %(workflow_id)s FROM sojourn.erasure AS e
RETURNING number;
