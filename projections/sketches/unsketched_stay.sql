-- Return the stays as of a time that the sketches of the days before it do not have: what is open, what has ended since
-- the checkpoint of the sketches, and what ended on the day of that time.
-- Without a time, what is open is read from the current status.
CREATE OR REPLACE FUNCTION sojourn.unsketched_stay(entity_kind text, statuses text[], at timestamptz)
RETURNS TABLE (
    template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz, open boolean,
    seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        o.template, o.lifecycle, o.lifecycle_version, o.status, o.entered_at, true,
        date_part('epoch', coalesce(unsketched_stay.at, greatest(statement_timestamp(), o.entered_at)) - o.entered_at)
    FROM sojourn.stays_open_at(unsketched_stay.entity_kind, coalesce(unsketched_stay.at, 'infinity')) AS o
    WHERE o.status = ANY (unsketched_stay.statuses)
    UNION ALL
    SELECT
        e.template, e.lifecycle, e.lifecycle_version, e.status, e.entered_at, false, e.seconds::float8
    FROM sojourn.stays_ended_between(sojourn.sketched_to(), 9223372036854775807) AS e
    WHERE
        e.entity_kind = unsketched_stay.entity_kind AND e.status = ANY (unsketched_stay.statuses)
        AND e.ended_at <= coalesce(unsketched_stay.at, 'infinity')
    UNION ALL
    SELECT
        e.template, e.lifecycle, e.lifecycle_version, e.status, e.entered_at, false, e.seconds::float8
    FROM
        sojourn.stays_ended_within(
            date_trunc('day', unsketched_stay.at, 'UTC'), unsketched_stay.at, ARRAY[unsketched_stay.entity_kind],
            unsketched_stay.statuses
        ) AS e
$$;

COMMENT ON FUNCTION sojourn.unsketched_stay IS
    'The stays in some statuses as of a time (NULL: now) that sojourn.stay_sketch does not have for the days before.';
