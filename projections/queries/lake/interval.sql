-- Return each status that the tasks and task instances of some events entered, with its interval, by workflow and position.
-- A stream is one entity. What the JSON of its events has becomes columns here, once, so that no question reads JSON.
WITH entered AS (
    SELECT
        e.*, split_part(e.stream, ':', 1) AS entity_kind, substring(e.stream, instr(e.stream, ':') + 1) AS entity_id
    FROM event AS e
    WHERE
        split_part(e.stream, ':', 1) IN ('task', 'task_instance')
        AND (e.version = 1 OR get_json_object(e.data, '$.previous_status') IS NOT NULL)
),
placed AS (
    SELECT e.*, coalesce(get_json_object(e.data, '$.task_id'), e.entity_id) AS task_id FROM entered AS e
),
task AS (
    SELECT
        e.entity_id AS task_id, get_json_object(e.data, '$.template') AS template,
        get_json_object(e.data, '$.lifecycle') AS lifecycle,
        CAST(get_json_object(e.data, '$.lifecycle_version') AS integer) AS lifecycle_version
    FROM entered AS e
    WHERE e.name = 'task.registered.v1'
)
SELECT
    p.position, p.entity_kind, p.entity_id, p.task_id, p.workflow_id, p.version,
    get_json_object(p.data, '$.previous_status') AS previous_status, get_json_object(p.data, '$.status') AS status,
    get_json_object(p.data, '$.actor.component') AS actor,
    CAST(get_json_object(p.data, '$.num_attempts') AS integer) AS num_attempts,
    CAST(get_json_object(p.data, '$.ordinal') AS integer) AS ordinal,
    p.entered_at, lead(p.entered_at) OVER (PARTITION BY p.stream ORDER BY p.version) AS exited_at, p.recorded_at,
    t.template, t.lifecycle, t.lifecycle_version
FROM placed AS p JOIN task AS t ON t.task_id = p.task_id
ORDER BY p.workflow_id, p.position
