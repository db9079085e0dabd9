-- Return the links of the critical paths of two workflows.
SELECT p.* FROM sojourn.critical_paths(%(a)s, %(b)s, %(at_a)s::timestamptz, %(at_b)s::timestamptz) AS p;
