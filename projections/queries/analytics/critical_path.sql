-- Return the links of a workflow's critical path, from its first registration to its end, and whether it has ended.
SELECT
    p.*,
    CASE
        WHEN max(p.ended_at) OVER () < coalesce(sojourn.as_of(), statement_timestamp()) THEN true
        WHEN sojourn.as_of() IS NULL THEN false
        -- It may have ended at the very time that is asked about. Only then are the tasks read again.
        ELSE (SELECT e.has_ended FROM sojourn.workflow_end AS e WHERE e.workflow_id = %(workflow_id)s COLLATE "C")
    END AS has_ended
FROM sojourn.critical_path(%(workflow_id)s) AS p
ORDER BY p.link;
