-- What projections need of an event's data, typed. Inlined, so that each event is parsed once.
CREATE OR REPLACE FUNCTION sojourn.decode(data jsonb) RETURNS TABLE (
    previous_status text, status text, reported text, rule text, actor text, num_attempts integer,
    task_id text, ordinal integer, report_by_date timestamptz, distributor_id text,
    lifecycle text, lifecycle_version integer, template text, array_id text, max_attempts integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        d.previous_status, d.status, d.reported, d.rule, d.actor ->> 'component', d.num_attempts,
        d.task_id, d.ordinal, d.report_by_date, d.distributor_id,
        d.lifecycle, d.lifecycle_version, d.template, d.array_id, d.max_attempts
    FROM jsonb_to_record(data) AS d (
        previous_status text, status text, reported text, rule text, actor jsonb, num_attempts integer,
        task_id text, ordinal integer, report_by_date timestamptz, distributor_id text,
        lifecycle text, lifecycle_version integer, template text, array_id text, max_attempts integer
    )
$$;
