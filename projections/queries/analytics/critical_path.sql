-- Return the links of a workflow's critical path, from its first registration to its end.
SELECT p.* FROM sojourn.critical_path(%(workflow_id)s) AS p;
