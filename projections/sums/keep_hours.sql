-- Put the sums of some hours in the place of those that were kept before.
CREATE OR REPLACE FUNCTION sojourn.keep_hours(hours timestamptz[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sojourn.hour_sum AS s WHERE s.hour = ANY (hours);
    INSERT INTO sojourn.hour_sum (
        entity_kind, status, by_template, template, hour, net, most, entity_seconds, first_at, last_at
    )
    SELECT s.* FROM sojourn.sum_hours(hours) AS s;
END
$$;

COMMENT ON FUNCTION sojourn.keep_hours IS 'Bring sojourn.hour_sum up to the transitions of some hours.';
