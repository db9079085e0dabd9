-- Return the intervals that an audit view shows differently from the log: each status ends as the next one is entered.
-- ids names the entities whose intervals are compared; NULL is every one.
SELECT
    coalesce(logged.entity_id, shown.entity_id), coalesce(logged.version, shown.version), logged.position,
    logged.entered_at, logged.exited_at, shown.entered_at, shown.exited_at
FROM
    (
        SELECT
            e.entity_id, e.version, e.position, e.status, e.entered_at,
            lead(e.entered_at) OVER (PARTITION BY e.entity_id ORDER BY e.version) AS exited_at
        FROM sojourn.stored_event AS e
        WHERE
            e.entity_kind = %(kind)s AND (e.version = 1 OR e.previous_status IS NOT NULL)
            AND (%(ids)s::text[] IS NULL OR e.entity_id = ANY (%(ids)s))
    ) AS logged
    FULL JOIN (
        SELECT a.{id} AS entity_id, a.version, a.new_status AS status, a.entered_at, a.exited_at
        FROM sojourn.{view} AS a
        WHERE %(ids)s::text[] IS NULL OR a.{id} = ANY (%(ids)s)
    ) AS shown
        ON shown.entity_id = logged.entity_id AND shown.version = logged.version
WHERE
    (logged.status, logged.entered_at, logged.exited_at)
    IS DISTINCT FROM (shown.status, shown.entered_at, shown.exited_at)
ORDER BY 3, 1, 2;
