-- Show when runners and task instances were silent, until now or until sojourn.as_of.
-- until is NULL where a silence goes on. Every interval is there, with or without an event that records it.
CREATE OR REPLACE VIEW sojourn.silence AS
SELECT
    'runner'::text AS entity_kind, substr(l.holder, 8) AS entity_id, l.workflow_id,
    lower(s.range) AS since,
    CASE WHEN upper(s.range) <= (SELECT sojourn.as_of_or_now()) THEN upper(s.range) END
        AS until
FROM
    sojourn.lease AS l
    CROSS JOIN LATERAL unnest(sojourn.silence_intervals('runner', substr(l.holder, 8))) AS s (range)
WHERE
    l.holder >= 'runner:' AND l.holder < 'runner;'
    AND lower(s.range) < (SELECT sojourn.as_of_or_now())
UNION ALL
SELECT
    'task_instance'::text, i.task_instance_id, i.workflow_id,
    lower(s.range),
    CASE WHEN upper(s.range) <= (SELECT sojourn.as_of_or_now()) THEN upper(s.range) END
FROM
    sojourn.task_instance AS i
    LEFT JOIN sojourn.lease AS l ON l.holder = 'task_instance:' || i.task_instance_id
    CROSS JOIN LATERAL unnest(sojourn.silence_intervals('task_instance', i.task_instance_id)) AS s (range)
WHERE
    -- No other instance has a time by which a report is due.
    (i.report_by_date IS NOT NULL OR l.holder IS NOT NULL)
    AND lower(s.range) < (SELECT sojourn.as_of_or_now());

COMMENT ON VIEW sojourn.silence IS
    'When runners and task instances were silent, now or as of sojourn.as_of; until is NULL where it goes on.';
