-- Return an event as sojourn.stored_event has it. The columns have what usual events state; `rest` has every other field, and
-- those that the JSON of a column does not show exactly, such as a time with an offset. So sojourn.event shows what was given.
CREATE OR REPLACE FUNCTION sojourn.store_event(event sojourn.event) RETURNS SETOF sojourn.stored_event
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        event.position, event.entered_at, event.recorded_at, event.occurred_at, d.report_by_date, event.version,
        d.num_attempts, CASE WHEN e.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN (e.data ->> 'ordinal')::integer END,
        CASE WHEN exact.actor THEN (d.actor ->> 'pid')::integer END, n.entity_kind,
        substr(event.stream, length(n.entity_kind) + 2), event.workflow_id, d.status, d.previous_status, d.task_id,
        d.actor ->> 'component', d.reported, d.rule,
        CASE
            WHEN starts_with(event.name, n.entity_kind || '.')
                THEN nullif(substr(event.name, length(n.entity_kind) + 2), 'transitioned.v1')
            ELSE ''
        END,
        CASE WHEN exact.cause THEN substr(d.cause, length(n.causing) + 1) END,
        CASE WHEN exact.actor THEN d.actor ->> 'host' END, CASE WHEN exact.actor THEN d.actor ->> 'user' END,
        d.reason, d.owner, d.runner_id, d.command_id, d.distributor_id,
        CASE
            WHEN jsonb_typeof(e.data) <> 'object' THEN e.data
            ELSE nullif(
                e.data - ARRAY(
                    SELECT s.key
                    FROM unnest(
                        '{rule,owner,reason,status,task_id,reported,runner_id,command_id,distributor_id,previous_status}'::text []
                    ) AS s (key)
                    WHERE jsonb_typeof(e.data -> s.key) = 'string'
                ) - ARRAY[
                    CASE WHEN exact.actor THEN 'actor' END, CASE WHEN exact.cause THEN 'cause' END,
                    CASE
                        WHEN jsonb_typeof(e.data -> 'ordinal') = 'number'
                            AND e.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN 'ordinal'
                    END,
                    CASE
                        WHEN e.data -> 'num_attempts' = to_jsonb(d.num_attempts)
                            AND e.data ->> 'num_attempts' = d.num_attempts::text THEN 'num_attempts'
                    END,
                    CASE
                        WHEN e.data -> 'report_by_date' = to_jsonb(sojourn.json_time(d.report_by_date))
                            THEN 'report_by_date'
                    END
                ]::text [],
                '{}'
            )
        END
    FROM
        -- The JSON is made once where it is an expression of the caller.
        (SELECT event.data OFFSET 0) AS e (data)
        CROSS JOIN LATERAL jsonb_to_record(e.data) AS d (
            actor jsonb, rule text, cause text, owner text, reason text, status text, task_id text, reported text,
            runner_id text, command_id text, num_attempts integer, distributor_id text, report_by_date timestamptz,
            previous_status text
        )
        CROSS JOIN LATERAL (
            SELECT
                split_part(event.stream, ':', 1),
                CASE split_part(event.stream, ':', 1) WHEN 'task' THEN 'task_instance:' WHEN 'task_instance' THEN 'task:' END
        ) AS n (entity_kind, causing)
        CROSS JOIN LATERAL (
            SELECT
                coalesce(
                    jsonb_typeof(d.actor) = 'object'
                    AND d.actor - '{component,host,pid,user}'::text [] = '{}'
                    AND jsonb_typeof(d.actor -> 'component') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'host'), 'string') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'user'), 'string') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'pid'), 'number') = 'number'
                    AND coalesce(d.actor ->> 'pid', '0') ~ '^-?[0-9]{1,9}$',
                    false
                ),
                coalesce(jsonb_typeof(e.data -> 'cause') = 'string' AND starts_with(d.cause, n.causing), false)
        ) AS exact (actor, cause)
$$;

COMMENT ON FUNCTION sojourn.store_event IS
    'Return an event as sojourn.stored_event has it: sojourn.event shows the same event again.';
