-- Return how long tasks or task instances of two workflows stay in each status, by template.
SELECT c.*
FROM sojourn.compare_workflows(%(a)s, %(b)s, %(at_a)s::timestamptz, %(at_b)s::timestamptz, %(kind)s) AS c;
