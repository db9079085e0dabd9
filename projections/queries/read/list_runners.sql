-- Return runners with their last heartbeat in an order, such as the newest change of status first.
WITH listed AS (
    SELECT
        r.runner_id, CASE WHEN r.silent_since IS NULL THEN 'ALIVE' ELSE 'SILENT' END AS status,
        coalesce(
            r.silent_since,
            (
                SELECT max(s.until) FROM sojourn.silence AS s
                WHERE s.entity_kind = 'runner' AND s.entity_id = r.runner_id
            ),
            r.begun_at
        ) AS since,
        r.heard_at
    FROM sojourn.runner AS r
)
SELECT 'runner:' || l.runner_id AS entity, l.status, l.since, l.heard_at AS heartbeat_at
FROM listed AS l
WHERE
    (%(statuses)s::text[] IS NULL OR l.status = ANY (%(statuses)s))
    AND (%(since)s::timestamptz IS NULL OR l.since >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR l.since < %(until)s)
    AND (
        %(after_at)s::{type} IS NULL OR {key} {beyond} %(after_at)s::{type}
        OR ({key} = %(after_at)s::{type} AND l.runner_id > %(after_id)s)
    )
ORDER BY {key} {direction}, l.runner_id
LIMIT %(limit)s;
