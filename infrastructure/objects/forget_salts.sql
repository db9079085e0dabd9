-- Keep the hashes of fields before they are erased, and delete the salts that would let somebody guess what they were.
-- Call it with sealed events as they are, before the fields are erased, in one transaction with that: the seals of these
-- events then hold although the fields are gone. What is not sealed yet has no salt, and is left alone.
CREATE OR REPLACE FUNCTION sojourn.forget_salts(erased sojourn.event[], fields text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    INSERT INTO sojourn.erased_field AS f (position, field, commitment, salt)
    SELECT
        e.position, n.name,
        CASE WHEN n.name = ANY (fields) THEN decode(sojourn.sealed_field(n.name, e.data -> n.name, s.salt, s.kept), 'hex') END,
        CASE
            WHEN n.name <> ALL (fields)
                THEN coalesce(decode(s.kept -> n.name ->> 'salt', 'hex'), sha256(s.salt || convert_to(n.name, 'UTF8')))
        END
    FROM
        unnest(erased) AS e
        LEFT JOIN sojourn.seal AS seal ON seal.first_position <= e.position AND seal.last_position >= e.position
        LEFT JOIN sojourn.seal_seed AS d ON d.number = seal.number
        CROSS JOIN LATERAL sojourn.find_salts(e.position, d.seed) AS s
        CROSS JOIN unnest('{actor,reason,rule_reason,stdout,stderr}'::text[]) AS n (name)
    WHERE
        e.data ? n.name
        AND (s.salt IS NOT NULL OR s.kept ? n.name)
        AND NOT EXISTS (
            SELECT FROM sojourn.erased_field AS h
            WHERE h.position = e.position AND h.field = n.name AND h.commitment IS NOT NULL
        )
    ON CONFLICT (position, field) DO UPDATE SET commitment = excluded.commitment, salt = excluded.salt;

    -- The salts of the other events of these seals come from a seed that must go, because it gives every salt. What is
    -- archived keeps its own too, because it may come back.
    touched := ARRAY(
        SELECT DISTINCT s.number
        FROM unnest(erased) AS e JOIN sojourn.seal AS s ON e.position BETWEEN s.first_position AND s.last_position
    );
    INSERT INTO sojourn.seal_salt (position, salt)
    SELECT e.position, sha256(d.seed || int8send(e.position))
    FROM
        sojourn.seal AS s
        JOIN sojourn.seal_seed AS d ON d.number = s.number
        CROSS JOIN LATERAL (
            SELECT o.position FROM sojourn.stored_event AS o WHERE o.position BETWEEN s.first_position AND s.last_position
            UNION ALL
            SELECT a.position FROM sojourn.archived_leaf AS a
            WHERE a.position BETWEEN s.first_position AND s.last_position
        ) AS e
    WHERE s.number = ANY (touched)
    ON CONFLICT DO NOTHING;
    DELETE FROM sojourn.seal_seed AS d WHERE d.number = ANY (touched);
    DELETE FROM sojourn.seal_salt AS s
    WHERE
        s.position IN (SELECT e.position FROM unnest(erased) AS e)
        AND EXISTS (SELECT FROM sojourn.erased_field AS f WHERE f.position = s.position);
END
$$;

COMMENT ON FUNCTION sojourn.forget_salts IS
    'Keeps the hashes of fields of sealed events before they are erased, and deletes the salts of these fields.';
