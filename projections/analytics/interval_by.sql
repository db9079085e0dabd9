-- Return the intervals that a grouping counts, with its label where that is not a column of theirs.
-- By reason, an interval is split where it began to wait for something else, so that the seconds of all reasons add up.
-- The planner inlines it and drops the branches that a constant grouping does not take.
CREATE OR REPLACE FUNCTION sojourn.interval_by(by text) RETURNS TABLE (
    entity_kind text, workflow_id text, template text, actor text, status text, entered_at timestamptz,
    open boolean, seconds float8, lifecycle text, lifecycle_version integer, label text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        s.entity_kind, s.workflow_id, s.template, s.actor, s.status, s.entered_at, s.open, s.seconds, s.lifecycle,
        s.lifecycle_version, NULL::text
    FROM sojourn.status_interval AS s
    WHERE interval_by.by IS NULL OR interval_by.by NOT IN ('reason', 'state-name')
    UNION ALL
    SELECT
        s.entity_kind, s.workflow_id, s.template, s.actor, s.status, s.entered_at, s.open, s.seconds, s.lifecycle,
        s.lifecycle_version,
        -- What the log does not name has the name of its status, as domain.state has it.
        coalesce(
            e.rest #>> '{state,name}',
            upper(left(s.status, 1)) || lower(replace(substr(s.status, 2), '_', ' '))
        )
    FROM sojourn.status_interval AS s INNER JOIN sojourn.stored_event AS e ON e.position = s.position
    WHERE interval_by.by = 'state-name'
    UNION ALL
    SELECT
        w.entity_kind, w.workflow_id, w.template, w.actor, w.status, w.entered_at, w.open, w.seconds, w.lifecycle,
        w.lifecycle_version, sojourn.wait_reason(w.kind, w.detail)
    FROM sojourn.whole_wait_interval AS w
    WHERE interval_by.by = 'reason'
    UNION ALL
    SELECT
        r.entity_kind, r.workflow_id, r.template, r.actor, r.status, r.began_at, r.is_open AND r.next_at IS NULL,
        date_part('epoch', coalesce(r.next_at, r.last_at) - r.began_at), r.lifecycle, r.lifecycle_version, r.reason
    FROM (
        SELECT m.*, lead(m.began_at) OVER in_time AS next_at
        FROM (
            SELECT
                w.*, c.reason,
                lag(w.began_at) OVER in_time IS NULL OR c.reason IS DISTINCT FROM lag(c.reason) OVER in_time AS differs,
                max(w.ended_at) OVER in_all AS last_at, bool_or(w.open) OVER in_all AS is_open
            FROM
                sojourn.split_wait_interval AS w
                CROSS JOIN LATERAL (SELECT sojourn.wait_reason(w.kind, w.detail)) AS c (reason)
            WINDOW
                in_all AS (PARTITION BY w.entity_kind, w.workflow_id, w.entity_id, w.version),
                in_time AS (in_all ORDER BY w.began_at)
        ) AS m
        WHERE m.differs
        WINDOW in_time AS (PARTITION BY m.entity_kind, m.workflow_id, m.entity_id, m.version ORDER BY m.began_at)
    ) AS r
    WHERE interval_by.by = 'reason'
$$;

COMMENT ON FUNCTION sojourn.interval_by IS
    'The intervals of sojourn.status_interval as a grouping counts them: split by what they waited for (by reason), and '
    'with the names of their states (by state-name).';
