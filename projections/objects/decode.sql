-- What projections need of any event's data, typed. Inlined, so that each event is parsed once.
CREATE OR REPLACE FUNCTION sojourn.decode(data jsonb) RETURNS TABLE (
    previous_status text, status text, reported text, rule text, actor text, num_attempts integer,
    task_id text, report_by_date timestamptz, distributor_id text, owner text, state jsonb
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        d.previous_status, d.status, d.reported, d.rule, d.actor ->> 'component', d.num_attempts,
        d.task_id, d.report_by_date, d.distributor_id, d.owner, d.state
    FROM jsonb_to_record(data) AS d (
        previous_status text, status text, reported text, rule text, actor jsonb, num_attempts integer,
        task_id text, report_by_date timestamptz, distributor_id text, owner text, state jsonb
    )
$$;

COMMENT ON FUNCTION sojourn.decode IS 'What projections need of an event''s data, typed.';
