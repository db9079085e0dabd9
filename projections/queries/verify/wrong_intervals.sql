-- Return the intervals that an audit view shows differently from the log: each status ends as the next one is entered.
-- ids names the entities whose intervals are compared; NULL is every one.
SELECT
    coalesce(logged.entity_id, shown.entity_id), coalesce(logged.version, shown.version), logged.position,
    logged.entered_at, logged.exited_at, shown.entered_at, shown.exited_at
FROM
    (
        SELECT
            substr(e.stream, length(%(kind)s) + 2) AS entity_id, e.version, e.position, e.data ->> 'status' AS status,
            e.entered_at, lead(e.entered_at) OVER (PARTITION BY e.stream ORDER BY e.version) AS exited_at
        FROM sojourn.event AS e
        WHERE
            e.stream >= %(kind)s || ':' AND e.stream < %(kind)s || ';' AND e.is_transition
            AND (%(ids)s::text[] IS NULL OR e.stream = ANY (ARRAY(SELECT %(kind)s || ':' || i.id FROM unnest(%(ids)s::text[]) AS i (id))))
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
