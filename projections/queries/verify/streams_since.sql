-- Return the streams that decide whether what came after a position is legal, each with whether all of it is needed.
-- Whole are those that have events since, their tasks and arrays, the causes that they name, and the tasks with a slot. Of
-- the other instances of these tasks and arrays the first event is enough, because it counts as an attempt and a member.
WITH recent AS MATERIALIZED (
    SELECT
        sojourn.event_stream(e) AS stream, e.task_id, e.rest ->> 'array_id' AS array_id,
        regexp_replace(sojourn.event_cause(e), '@[^@]*$', '') AS cause
    FROM sojourn.stored_event AS e
    WHERE e.position > %(after)s
),
whole AS MATERIALIZED (
    SELECT r.stream FROM recent AS r
    UNION SELECT 'task:' || r.task_id FROM recent AS r WHERE r.task_id IS NOT NULL
    UNION SELECT 'array:' || r.array_id FROM recent AS r WHERE r.array_id IS NOT NULL
    UNION SELECT r.cause FROM recent AS r WHERE r.cause IS NOT NULL
    UNION SELECT 'task:' || s.holder FROM sojourn.slot AS s
)
SELECT w.stream, true FROM whole AS w
UNION ALL
(
    SELECT 'task_instance:' || i.task_instance_id, false
    FROM whole AS w JOIN sojourn.task_instance AS i ON i.task_id = substr(w.stream, 6)
    WHERE starts_with(w.stream, 'task:')
    UNION
    SELECT 'task_instance:' || i.task_instance_id, false
    FROM whole AS w JOIN sojourn.task_instance AS i ON i.array_id = substr(w.stream, 7)
    WHERE starts_with(w.stream, 'array:')
);
