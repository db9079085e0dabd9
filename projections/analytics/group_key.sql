-- Return the group of an interval by workflow, template, actor or time.
-- The planner inlines it, so that a grouping that is a constant costs nothing for each row.
CREATE OR REPLACE FUNCTION sojourn.group_key(
    by text, workflow_id text, template text, actor text, entered_at timestamptz
)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN by IS NULL THEN NULL
        WHEN by = 'workflow' THEN workflow_id
        WHEN by = 'template' THEN template
        WHEN by = 'actor' THEN actor
        WHEN by = 'hour' THEN to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00:00"Z"')
        WHEN by = 'day' THEN to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
        WHEN by = 'week' THEN to_char(date_trunc('week', entered_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD')
        ELSE sojourn.check_choice('by', by, ARRAY['workflow', 'template', 'actor', 'hour', 'day', 'week'])::text
    END
$$;

COMMENT ON FUNCTION sojourn.group_key IS
    'The group of an interval: by workflow, template, actor, or the hour, day or week (its Monday) in UTC in which '
    'it began. NULL where by is NULL.';
