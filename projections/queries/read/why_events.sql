-- Return the last events of an entity's stream and of some others by sojourn.as_of, the causes of its own, and evidence.
-- Of refusals that are alike it returns the last one, with their number.
WITH found AS (
    SELECT
        e.position, e.stream, e.version, e.name, e.data,
        greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) AS at, e.is_transition
    FROM sojourn.event AS e
    WHERE
        -- By their positions, so that no plan reads the whole log.
        e.position = ANY (
            ARRAY(
                SELECT o.position
                FROM
                    unnest(%(streams)s::text[]) AS s (stream)
                    JOIN sojourn.stored_event AS o
                        ON o.entity_kind = sojourn.kind_of(s.stream) AND o.entity_id = sojourn.id_of(s.stream)
                UNION
                SELECT n.position FROM unnest(%(evidence)s::bigint[]) AS n (position)
            )
        )
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
        f.*,
        CASE WHEN f.name LIKE '%%.refused.%%' THEN count(*) OVER alike ELSE 1 END AS times,
        CASE WHEN f.name LIKE '%%.refused.%%' THEN row_number() OVER (alike ORDER BY f.version DESC) ELSE 1 END AS nth
    FROM found AS f
    WINDOW alike AS (PARTITION BY f.stream, f.name, f.data -> 'rule', f.data -> 'reported')
),
own AS (
    SELECT c.position, c.data ->> 'cause' AS cause
    FROM counted AS c
    WHERE c.nth = 1 AND c.stream = %(own)s
    ORDER BY c.position DESC
    LIMIT %(limit)s
),
wanted AS (
    SELECT o.position FROM own AS o
    UNION
    (SELECT c.position FROM counted AS c WHERE c.nth = 1 ORDER BY c.position DESC LIMIT %(limit)s)
    UNION
    SELECT c.position FROM counted AS c WHERE c.stream || '@' || c.version IN (SELECT o.cause FROM own AS o)
    UNION
    SELECT unnest(%(evidence)s::bigint[])
)
SELECT c.position, c.stream, c.version, c.name, c.data, c.at, c.is_transition, c.times
FROM counted AS c
WHERE c.position IN (SELECT w.position FROM wanted AS w)
ORDER BY c.position;
