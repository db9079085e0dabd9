-- Return the silences of holders up to a time that no event records yet.
-- That is the one at that time, and those that a renewed lease would hide. until is NULL where a silence goes on.
SELECT
    h.entity_id, lower(s.range), CASE WHEN upper(s.range) < %(at)s THEN upper(s.range) END, l.heartbeat_at
FROM
    unnest(%(ids)s::text[]) AS h (entity_id)
    LEFT JOIN sojourn.lease AS l ON l.holder = %(kind)s || ':' || h.entity_id
    CROSS JOIN LATERAL unnest(
        sojourn.silence_intervals(%(kind)s, h.entity_id) - coalesce(
            (
                SELECT
                    range_agg(tstzrange(
                        (e.data ->> 'silent_since')::timestamptz, (e.data ->> 'silent_until')::timestamptz
                    ))
                FROM sojourn.event AS e
                WHERE e.entity_kind = %(kind)s AND e.entity_id = h.entity_id AND e.name = %(kind)s || '.returned.v1'
            ),
            '{}'
        )
    ) AS s (range)
WHERE
    lower(s.range) < %(at)s
    AND (upper(s.range) >= %(at)s OR lower(s.range) >= l.begun_at)
ORDER BY h.entity_id, s.range;
