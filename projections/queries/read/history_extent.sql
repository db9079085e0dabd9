-- Return the version up to which a page of events reaches, in its order.
-- Their data have about max_bytes together, or else there is one event. Without events there is no row.
-- Sizes are taken one after the other, because each reads its event.
WITH RECURSIVE page AS (
    SELECT
        CASE WHEN %(newest_first)s THEN %(until)s + 1 ELSE %(after)s END::bigint AS version, 0::bigint AS number,
        0::bigint AS bytes
    UNION ALL
    SELECT next.version, page.number + 1, page.bytes + next.bytes
    FROM
        page
        CROSS JOIN LATERAL (
            SELECT e.version, sojourn.event_bytes(e)
            FROM sojourn.stored_event AS e
            WHERE
                e.entity_kind = sojourn.kind_of(%(stream)s) AND e.entity_id = sojourn.id_of(%(stream)s)
                AND e.version = page.version + CASE WHEN %(newest_first)s THEN -1 ELSE 1 END
        ) AS next (version, bytes)
    WHERE page.bytes < %(max_bytes)s AND next.version > %(after)s AND next.version <= %(until)s
)
SELECT page.version
FROM page
WHERE page.number > 0
ORDER BY page.number DESC
LIMIT 1;
