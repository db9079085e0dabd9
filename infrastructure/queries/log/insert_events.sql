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
INSERT INTO sojourn.stored_event (
    entered_at, recorded_at, occurred_at, report_by_date, version, num_attempts, ordinal, actor_pid, entity_kind,
    entity_id, workflow_id, status, previous_status, task_id, actor, reported, rule, event_type, cause, actor_host,
    actor_user, reason, owner, runner_id, command_id, distributor_id, rest
)
SELECT
    s.entered_at, s.recorded_at, s.occurred_at, s.report_by_date, s.version, s.num_attempts, s.ordinal, s.actor_pid,
    s.entity_kind, s.entity_id, s.workflow_id, s.status, s.previous_status, s.task_id, s.actor, s.reported, s.rule,
    s.event_type, s.cause, s.actor_host, s.actor_user, s.reason, s.owner, s.runner_id, s.command_id, s.distributor_id,
    s.rest
FROM
    timed AS n
    CROSS JOIN LATERAL sojourn.store_event(
        ROW(
            NULL, n.stream, n.version, n.name, n.workflow_id, n.moment, n.occurred_at,
            greatest(n.entered_now, n.entered_before), n.data, NULL, NULL, NULL
        )::sojourn.event
    ) AS s
ORDER BY n.ordinality
RETURNING position;
