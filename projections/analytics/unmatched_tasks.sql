-- Return the tasks of two workflows, or of one as of two times, that are in one of them only.
-- Ids are unique in the log, so that two workflows share none. The name of a task is its id without the id of its
-- workflow where it begins with that (night-1/align). Where no name of a template is in both workflows, names tell
-- nothing (random ids): the first task of the template is then matched with the first, in the order of registration.
CREATE OR REPLACE FUNCTION sojourn.unmatched_tasks(
    workflow_a text, workflow_b text, at_a timestamptz DEFAULT NULL, at_b timestamptz DEFAULT NULL
)
RETURNS TABLE (workflow text, task_id text, template text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH named AS MATERIALIZED (
        SELECT
            s.side, s.task_id, s.template, s.position,
            CASE
                WHEN
                    starts_with(s.task_id, s.workflow_id)
                    AND substr(s.task_id, length(s.workflow_id) + 1) ~ '^[^[:alnum:]].'
                    THEN substr(s.task_id, length(s.workflow_id) + 2)
                ELSE s.task_id
            END AS name
        FROM (
            SELECT
                w.side, t.task_id, t.template, t.workflow_id, b.position
            FROM
                (
                    VALUES
                    ('a', unmatched_tasks.workflow_a, unmatched_tasks.at_a),
                    ('b', unmatched_tasks.workflow_b, unmatched_tasks.at_b)
                ) AS w (side, workflow_id, at)
                JOIN sojourn.task AS t ON t.workflow_id = w.workflow_id
                CROSS JOIN LATERAL (
                    SELECT m.position FROM sojourn.transition AS m
                    WHERE
                        m.entity_kind = 'task' AND m.entity_id = t.task_id AND m.version = 1
                        AND m.entered_at <= coalesce(w.at, (SELECT sojourn.as_of()), 'infinity')
                ) AS b
            WHERE
                sojourn.check_workflow(unmatched_tasks.workflow_a) AND sojourn.check_workflow(unmatched_tasks.workflow_b)
        ) AS s
    ),
    by_name AS (
        SELECT n.*, bool_or(n.in_both) OVER (PARTITION BY n.template) AS names_match
        FROM (
            SELECT
                d.*,
                bool_or(d.side = 'a') OVER same_name AND bool_or(d.side = 'b') OVER same_name AS in_both
            FROM named AS d
            WINDOW same_name AS (PARTITION BY d.name)
        ) AS n
    ),
    numbered AS (
        SELECT
            r.*,
            row_number() OVER (PARTITION BY r.template, r.side ORDER BY r.position) AS ordinal
        FROM by_name AS r
        WHERE NOT r.in_both
    )
    SELECT u.side, u.task_id, u.template
    FROM (
        SELECT
            o.*,
            least(
                count(*) FILTER (WHERE o.side = 'a') OVER (PARTITION BY o.template),
                count(*) FILTER (WHERE o.side = 'b') OVER (PARTITION BY o.template)
            ) AS pairs
        FROM numbered AS o
    ) AS u
    WHERE u.template IS NULL OR u.names_match OR u.ordinal > u.pairs
    ORDER BY u.side, u.task_id
$$;

COMMENT ON FUNCTION sojourn.unmatched_tasks IS
    'The tasks that are in one of two workflows only, or in one as of one of two times only (workflow is a or b). Tasks '
    'match by name: the id without that of the workflow where it begins with it. Where no name of a template is in both, '
    'its first task matches the first, in the order of registration.';
