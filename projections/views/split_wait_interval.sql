-- Show what entities waited for that also stated it within a status: each interval is split when a wait began.
-- The last statement holds. One that comes later but began earlier replaces the others from its own beginning on.
CREATE OR REPLACE VIEW sojourn.split_wait_interval AS
SELECT
    p.entity_kind, p.entity_id, p.task_id, p.workflow_id, p.template, p.actor, p.status, p.version, p.entered_at,
    p.began_at, coalesce(lead(p.began_at) OVER later, p.ended_at) AS ended_at,
    p.open AND lead(p.began_at) OVER later IS NULL AS open,
    date_part('epoch', coalesce(lead(p.began_at) OVER later, p.ended_at) - p.began_at) AS seconds,
    p.kind, p.detail, p.holders, p.lifecycle, p.lifecycle_version
FROM (
    SELECT
        n.entity_kind, n.entity_id, n.task_id, n.workflow_id, n.template, n.actor, n.status, n.version, n.entered_at,
        n.ended_at, n.open, n.lifecycle, n.lifecycle_version,
        -- An interval begins without a reason, unless what it waits for began with it.
        CASE WHEN b.stated THEN n.since ELSE n.entered_at END AS began_at,
        CASE WHEN b.stated THEN n.replaced_at ELSE least(n.since, n.replaced_at) END AS replaced_at,
        CASE WHEN b.stated THEN n.kind END AS kind,
        CASE WHEN b.stated THEN n.detail END AS detail,
        CASE WHEN b.stated THEN n.holders END AS holders
    FROM (
        SELECT
            s.*, w.kind, w.detail, w.holders, b.since,
            min(b.since) OVER (newest_first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS replaced_at,
            lead(1) OVER newest_first IS NULL AS is_oldest
        FROM
            (
                SELECT
                    i.*,
                    lead(i.version) OVER (
                        PARTITION BY i.entity_kind, i.workflow_id, i.entity_id ORDER BY i.version
                    ) AS next_version
                FROM sojourn.status_interval AS i
                WHERE
                    EXISTS (
                        SELECT FROM sojourn.later_wait AS l
                        WHERE
                            l.entity_kind = i.entity_kind AND l.workflow_id = i.workflow_id
                            AND l.entity_id = i.entity_id
                    )
            ) AS s
            LEFT JOIN sojourn.wait AS w
                ON w.entity_kind = s.entity_kind AND w.workflow_id = s.workflow_id AND w.entity_id = s.entity_id
                AND w.version >= s.version AND w.version < coalesce(s.next_version, 2147483647)
                AND w.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                AND w.since <= s.ended_at -- a later report may have ended it before that was stated
            CROSS JOIN LATERAL (
                SELECT CASE WHEN w.since IS NOT NULL THEN greatest(w.since, s.entered_at) END
            ) AS b (since)
        WINDOW newest_first AS (
            PARTITION BY s.entity_kind, s.workflow_id, s.entity_id, s.version ORDER BY w.version DESC
        )
    ) AS n
    CROSS JOIN LATERAL generate_series(1 - n.is_oldest::integer, (n.kind IS NOT NULL)::integer) AS g (number)
    CROSS JOIN LATERAL (SELECT g.number = 1) AS b (stated)
) AS p
WHERE
    (p.replaced_at IS NULL OR p.began_at < p.replaced_at)
    AND (p.began_at < p.ended_at OR p.began_at = p.entered_at)
WINDOW later AS (PARTITION BY p.entity_kind, p.workflow_id, p.entity_id, p.version ORDER BY p.began_at);

COMMENT ON VIEW sojourn.split_wait_interval IS
    'The part of sojourn.wait_interval about entities that also stated what they waited for after they had entered a '
    'status.';
