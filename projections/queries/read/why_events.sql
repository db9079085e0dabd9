-- Return the last events of some streams by sojourn.as_of.
-- Of refusals that are alike it returns the last one, with their number.
WITH own AS (
    SELECT
        e.position, e.stream, e.version, e.name, e.data,
        greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) AS at, e.is_transition
    FROM sojourn.event AS e
    WHERE
        e.stream = ANY (%(streams)s::text[])
        AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at)
            <= coalesce((SELECT sojourn.as_of()), 'infinity')
        AND (
            NOT starts_with(e.stream, 'array:') OR e.stream = %(own)s OR e.version = 1
            OR e.data -> 'batch_number' = ANY (
                SELECT to_jsonb(i.batch_number) FROM sojourn.task_instance AS i
                WHERE 'task_instance:' || i.task_instance_id = ANY (%(streams)s::text[])
            )
        )
),
counted AS (
    SELECT
        o.*,
        CASE WHEN o.name LIKE '%%.refused.%%' THEN count(*) OVER alike ELSE 1 END AS times,
        CASE WHEN o.name LIKE '%%.refused.%%' THEN row_number() OVER (alike ORDER BY o.version DESC) ELSE 1 END AS nth
    FROM own AS o
    WINDOW alike AS (PARTITION BY o.stream, o.name, o.data -> 'rule', o.data -> 'reported')
)
SELECT c.position, c.stream, c.version, c.name, c.data, c.at, c.is_transition, c.times
FROM counted AS c
WHERE c.nth = 1
ORDER BY c.position DESC
LIMIT %(limit)s;
