-- Return the JSON of the actor of a stored event, as jsonb prints it.
CREATE OR REPLACE FUNCTION sojourn.actor_json(stored sojourn.stored_event) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN stored.actor IS NULL THEN NULL
        WHEN num_nulls(stored.actor_pid, stored.actor_host, stored.actor_user) = 0
            THEN concat(
                '{"pid": ', stored.actor_pid, ', "host": ', to_json(stored.actor_host), ', "user": ',
                to_json(stored.actor_user), ', "component": ', to_json(stored.actor), '}'
            )
        ELSE
            concat(
                '{', '"pid": ' || stored.actor_pid || ', ', '"host": ' || to_json(stored.actor_host) || ', ',
                '"user": ' || to_json(stored.actor_user) || ', ', '"component": ', to_json(stored.actor), '}'
            )
    END
$$;

COMMENT ON FUNCTION sojourn.actor_json IS 'Return the JSON of the actor of a stored event.';

-- Return the JSON that the columns of a stored event state, with that actor and reason, as jsonb prints it: keys by their
-- length. `others` are fields that follow, such as those in `rest`. Texts are joined, which takes a fifth of the time of
-- building jsonb, and the planner puts the function into the query that calls it.
CREATE OR REPLACE FUNCTION sojourn.event_json(stored sojourn.stored_event, actor text, reason text, others text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT '{' || right(
        concat(
            CASE WHEN stored.rule IS NOT NULL THEN ', "rule": ' END, to_json(stored.rule),
            ', "actor": ' || event_json.actor,
            CASE WHEN stored.cause IS NOT NULL THEN ', "cause": ' END, to_json(
                CASE stored.entity_kind WHEN 'task' THEN 'task_instance:' ELSE 'task:' END || stored.cause
            ),
            CASE WHEN stored.owner IS NOT NULL THEN ', "owner": ' END, to_json(stored.owner),
            ', "reason": ' || to_json(event_json.reason),
            CASE WHEN stored.status IS NOT NULL THEN ', "status": ' END, to_json(stored.status),
            CASE WHEN stored.ordinal IS NOT NULL THEN ', "ordinal": ' END, stored.ordinal,
            CASE WHEN stored.task_id IS NOT NULL THEN ', "task_id": ' END, to_json(stored.task_id),
            CASE WHEN stored.reported IS NOT NULL THEN ', "reported": ' END, to_json(stored.reported),
            CASE WHEN stored.runner_id IS NOT NULL THEN ', "runner_id": ' END, to_json(stored.runner_id),
            CASE WHEN stored.command_id IS NOT NULL THEN ', "command_id": ' END, to_json(stored.command_id),
            CASE WHEN stored.num_attempts IS NOT NULL THEN ', "num_attempts": ' END, stored.num_attempts,
            CASE WHEN stored.distributor_id IS NOT NULL THEN ', "distributor_id": ' END, to_json(stored.distributor_id),
            ', "report_by_date": "' || sojourn.json_time(stored.report_by_date) || '"',
            CASE WHEN stored.previous_status IS NOT NULL THEN ', "previous_status": ' END, to_json(stored.previous_status),
            ', ' || event_json.others, '}'
        ),
        -2
    )
$$;

COMMENT ON FUNCTION sojourn.event_json IS 'Return the JSON that the columns of a stored event state, as jsonb prints it.';

-- Return the JSON of a stored event. A field that a column does not show exactly comes a second time, from `rest`, and counts:
-- jsonb and every reader of JSON take the last value.
CREATE OR REPLACE FUNCTION sojourn.event_text(stored sojourn.stored_event) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sojourn.event_json(
        stored, sojourn.actor_json(stored), stored.reason, nullif(left(substr(stored.rest::text, 2), -1), '')
    )
$$;

COMMENT ON FUNCTION sojourn.event_text IS 'Return the JSON of a stored event.';
