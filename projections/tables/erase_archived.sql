-- Erase a person from the rows of an archive's file, which tables of the session have: archived_event, archived_command,
-- archived_runner.
-- The leaves that seals have of the events stay, and hold: the hashes of what is erased are kept, and the salts are not.
CREATE OR REPLACE FUNCTION sojourn.erase_archived(number integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    erasure   sojourn.erasure;
    pseudonym text;
    erased    bigint[];
    chunk     bigint[];
BEGIN
    SELECT * INTO erasure FROM sojourn.erasure AS e WHERE e.number = erase_archived.number;
    pseudonym := sojourn.begin_erasing(erasure);
    erased := ARRAY(
        SELECT e.position FROM pg_temp.archived_event AS e
        WHERE
            sojourn.names_actor(e.data, erasure.actor)
            AND (erasure.workflow_id IS NULL OR e.workflow_id = erasure.workflow_id)
        ORDER BY e.position
    );

    FOR start IN 1..cardinality(erased) BY 5000 LOOP
        chunk := erased[start:start + 4999];
        -- What was archived before the first seal has no leaf, and no salt.
        PERFORM sojourn.forget_salts(
            array_agg(ROW(e.*)::sojourn.event), '{actor,reason,rule_reason,stdout,stderr}'
        )
        FROM pg_temp.archived_event AS e
        WHERE
            e.position = ANY (chunk)
            AND EXISTS (SELECT FROM sojourn.archived_leaf AS l WHERE l.position = e.position)
        HAVING count(*) > 0;
    END LOOP;

    UPDATE pg_temp.archived_command AS c
    SET
        request = CASE WHEN o.has_reason THEN 'erased' ELSE c.request END,
        response = CASE WHEN jsonb_typeof(c.response -> 'reason') = 'string'
            THEN c.response || '{"reason": "erased"}' ELSE c.response END
    FROM (
        SELECT e.data ->> 'command_id' AS command_id, bool_or(e.data ? 'reason') AS has_reason
        FROM pg_temp.archived_event AS e
        WHERE e.position = ANY (erased)
        GROUP BY 1
    ) AS o
    WHERE c.command_id = o.command_id;
    UPDATE pg_temp.archived_event AS e SET data = sojourn.erase_fields(e.data, pseudonym)
    WHERE e.position = ANY (erased);
    UPDATE pg_temp.archived_runner AS e SET data = sojourn.erase_fields(e.data, pseudonym)
    WHERE erasure.workflow_id IS NULL AND sojourn.names_actor(e.data, erasure.actor);

    UPDATE sojourn.archived_workflow AS a SET digest = d.digest
    FROM (
        SELECT
            e.workflow_id,
            sha256(string_agg(sojourn.digest_event(ROW(e.*)::sojourn.event), '' ORDER BY e.position)) AS digest
        FROM pg_temp.archived_event AS e
        GROUP BY e.workflow_id
    ) AS d
    WHERE a.workflow_id = d.workflow_id AND a.digest <> d.digest;
    UPDATE sojourn.erasure AS e SET events = e.events + cardinality(erased) WHERE e.number = erase_archived.number;
END
$$;

COMMENT ON FUNCTION sojourn.erase_archived IS
    'Erase a person from the rows of an archive''s file that tables of the session have.';
