-- Show the statuses of every stored lifecycle, read from its definition.
CREATE OR REPLACE VIEW sojourn.lifecycle_status AS
SELECT
    l.name AS lifecycle,
    l.version AS lifecycle_version,
    machine.key AS entity_kind,
    status.key AS status,
    machine.value::jsonb -> 'terminal' ? status.key AS terminal,
    machine.value::jsonb -> 'failures' ? status.key AS failure,
    coalesce(
        machine.value ->> 'initial' = status.key OR machine.value::jsonb -> 'available_for_run' ? status.key, false
    ) AS waiting,
    coalesce(machine.value::jsonb -> 'awaits_report' ? status.key, false) AS awaits_report,
    coalesce(machine.value::jsonb -> 'awaits_distributor' ? status.key, false) AS awaits_distributor,
    machine.key = 'task' AND EXISTS (
        SELECT FROM json_each(l.definition -> 'implies') AS implied
        WHERE
            implied.value ->> 'status' = status.key
            AND NOT (l.definition -> 'task_instance' -> 'terminal')::jsonb ? implied.key
    ) AS awaits_instance,
    -- A definition that does not say what is running means the status of that name, else what neither ends nor waits.
    CASE
        WHEN jsonb_array_length(coalesce(machine.value::jsonb -> 'running', '[]')) > 0
            THEN machine.value::jsonb -> 'running' ? status.key
        WHEN machine.value::jsonb -> 'transitions' ?| ARRAY['RUNNING', 'running'] THEN lower(status.key) = 'running'
        ELSE NOT (
            machine.value::jsonb -> 'terminal' ? status.key OR machine.value ->> 'initial' = status.key
            OR coalesce(machine.value::jsonb -> 'available_for_run' ? status.key, false)
        )
    END AS running,
    coalesce(l.definition ->> 'cancel_to' = status.key, false) AS cancelled,
    make_interval(secs => (machine.value -> 'stuck_after' ->> status.key)::float8) AS stuck_after
FROM
    sojourn.lifecycle AS l
    CROSS JOIN LATERAL json_each(l.definition) AS machine
    CROSS JOIN LATERAL json_each(machine.value -> 'transitions') AS status
WHERE machine.key IN ('task', 'task_instance') AND json_typeof(machine.value) = 'object';

COMMENT ON VIEW sojourn.lifecycle_status IS
    'The statuses of every lifecycle that a task is pinned to: whether each ends an entity''s work (terminal), is '
    'a failure, waits for an attempt to begin, is one in which it runs, or is where a cancelled one goes, and after how '
    'long an entity in it is stuck.';
