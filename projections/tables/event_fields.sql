-- Return the fields of an event that every projection uses, with their types.
-- The planner inlines it, so that the data of an event is parsed once however many fields are used.
-- The collations are those of the type: with others the planner would build the row before it takes a field from it.
CREATE OR REPLACE FUNCTION sojourn.event_fields(event sojourn.event) RETURNS SETOF sojourn.event_fields
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        event.position, split_part(event.stream, ':', 1), substr(event.stream, strpos(event.stream, ':') + 1),
        event.version, event.is_transition, event.workflow_id, event.entered_at, d.previous_status, d.status,
        d.reported, d.rule, (d.actor ->> 'component') COLLATE "C", d.num_attempts, d.task_id, d.report_by_date,
        d.distributor_id, d.owner, d.state
    FROM jsonb_to_record(event.data) AS d (
        previous_status text COLLATE "C", status text COLLATE "C", reported text COLLATE "C", rule text COLLATE "C",
        actor jsonb, num_attempts integer, task_id text COLLATE "C", report_by_date timestamptz, distributor_id text,
        owner text COLLATE "C", state jsonb
    )
$$;

COMMENT ON FUNCTION sojourn.event_fields IS 'Return the fields of an event that every projection uses, with their types.';
