-- Insert events and return their positions, in the order in which they were given.
WITH new AS MATERIALIZED (
    SELECT n.*, clock_timestamp() AS moment
    FROM
        unnest(
            %(streams)s::text[], %(versions)s::integer[], %(names)s::text[], %(workflow_ids)s::text[],
            %(occurred)s::timestamptz[], %(data)s::jsonb[]
        ) WITH ORDINALITY AS n (stream, version, name, workflow_id, occurred_at, data, ordinality)
),
timed AS (
    SELECT
        n.*,
        coalesce(t.entered_at, i.entered_at, a.entered_at) AS entered_before,
        max(coalesce(n.occurred_at, n.moment)) FILTER (WHERE n.version = 1 OR n.data ? 'previous_status')
            OVER (PARTITION BY n.stream ORDER BY n.version) AS entered_now
    FROM
        new AS n
        LEFT JOIN sojourn.task AS t ON n.stream = 'task:' || t.task_id
        LEFT JOIN sojourn.task_instance AS i ON n.stream = 'task_instance:' || i.task_instance_id
        LEFT JOIN sojourn.array AS a ON n.stream = 'array:' || a.array_id
)
INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
SELECT
    n.stream, n.version, n.name, n.workflow_id, n.moment, n.occurred_at,
    greatest(n.entered_now, n.entered_before), n.data
FROM timed AS n
ORDER BY n.ordinality
RETURNING position;
