-- Return what entered and left each status within some hours: 1 for each entry, -1 for each exit.
-- Hours that follow each other are read as one stretch. The index of entry times finds the pages to read. The settings keep
-- to it, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.changes_within(hours timestamptz[])
RETURNS TABLE (entity_kind text, task_id text, status text, at timestamptz, step integer)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT x.entity_kind, x.task_id, c.status, x.entered_at, c.step
    FROM
        (
            SELECT min(n.hour) AS begins, max(n.hour) + interval '1 hour' AS ends
            FROM (
                SELECT d.hour, d.hour - row_number() OVER (ORDER BY d.hour) * interval '1 hour' AS stretch
                FROM (SELECT DISTINCT u.hour FROM unnest(changes_within.hours) AS u (hour)) AS d
            ) AS n
            GROUP BY n.stretch
        ) AS s
        INNER JOIN sojourn.transition AS x ON x.entered_at >= s.begins AND x.entered_at < s.ends
        CROSS JOIN LATERAL (VALUES (x.status, 1), (x.previous_status, -1)) AS c (status, step)
    WHERE c.status IS NOT NULL
$$;

COMMENT ON FUNCTION sojourn.changes_within IS
    'What entered (step 1) and left (step -1) each status within some hours (in UTC).';
