-- Return what seals state of events, and the JSON and salt of each of their fields that may be erased and was not.
-- The events are those of the log at these positions, and those of an archive whose rows are passed.
SELECT
    e.position,
    sojourn.sealed_content(ROW(e.*)::sojourn.event, s.salt, s.kept),
    (
        SELECT jsonb_object_agg(f.name, jsonb_build_object('value', (e.data -> f.name)::text, 'salt', encode(f.salt, 'hex')))
        FROM (
            SELECT
                n.name, coalesce(decode(s.kept -> n.name ->> 'salt', 'hex'), sha256(s.salt || convert_to(n.name, 'UTF8'))) AS salt
            FROM unnest(%(fields)s::text[]) AS n (name)
            WHERE e.data ? n.name AND NOT coalesce(s.kept -> n.name ? 'commitment', false)
        ) AS f
    )
FROM
    (
        SELECT e.* FROM sojourn.event AS e WHERE e.position = ANY (%(positions)s)
        UNION ALL
        SELECT a.* FROM jsonb_populate_recordset(NULL::sojourn.event, %(archived)s::jsonb) AS a
    ) AS e
    CROSS JOIN LATERAL sojourn.find_salts(e.position, %(seed)s::bytea) AS s
ORDER BY e.position;
