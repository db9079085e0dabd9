-- Return a threshold of the orphan rules: what is set as sojourn.NAME, else its default.
CREATE OR REPLACE FUNCTION sojourn.orphan_threshold(name text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        nullif(current_setting('sojourn.' || name, true), ''),
        CASE name
            WHEN 'never_launched_after' THEN '1 hour'
            WHEN 'stuck_after' THEN '{}'
            WHEN 'stuck_factor' THEN '3'
            WHEN 'stuck_minimum' THEN '20'
            WHEN 'stuck_floor' THEN '1 minute'
            WHEN 'runner_dead_after' THEN NULL -- the lifecycle's own
            ELSE sojourn.check_choice('name', name, ARRAY[
                'never_launched_after', 'stuck_after', 'stuck_factor', 'stuck_minimum', 'stuck_floor',
                'runner_dead_after'
            ])::text
        END
    )
$$;

COMMENT ON FUNCTION sojourn.orphan_threshold IS
    'A threshold of the orphan rules: what is set as sojourn.NAME, else its default.';
