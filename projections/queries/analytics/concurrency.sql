-- Return how many entities were in a status at once, one row for each change.
SELECT c."group", c.at, c.n
FROM sojourn.concurrency(%(kind)s, %(status)s, %(workflow_id)s, %(by)s) AS c;
