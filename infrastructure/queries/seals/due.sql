-- Return whether a log should be sealed, and the position up to which it is.
-- Few seals are enough, or one as soon as it is full, because a proof has every later seal. A workflow that was
-- archived before the first seal could not come back after it, so a log with one is sealed only where somebody asks for it.
SELECT
    CASE
        WHEN s.number IS NULL THEN NOT EXISTS (SELECT FROM sojourn.archived_workflow)
        ELSE
            s.sealed_at < clock_timestamp() - make_interval(secs => %(seconds)s)
            OR (
                SELECT count(*) >= %(most)s
                FROM (SELECT FROM sojourn.stored_event AS e WHERE e.position > s.last_position LIMIT %(most)s) AS e
            )
    END,
    coalesce(s.last_position, 0)
FROM
    (VALUES (1)) AS always (one)
    LEFT JOIN (SELECT s.* FROM sojourn.seal AS s ORDER BY s.number DESC LIMIT 1) AS s ON true;
