-- Erase a person from events of the log and from the answers of their commands.
-- Return the number of changed events by kind and workflow. Writers go on; the guard of the log compares every change.
CREATE OR REPLACE FUNCTION sojourn.erase_events(number integer, positions bigint[])
RETURNS TABLE (kind text, workflow_id text, n bigint)
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    erasure   sojourn.erasure;
    pseudonym text;
    erased    sojourn.event[];
    commands  bigint;
BEGIN
    SELECT * INTO erasure FROM sojourn.erasure AS e WHERE e.number = erase_events.number;
    pseudonym := sojourn.begin_erasing(erasure);
    erased := ARRAY(
        SELECT e FROM sojourn.event AS e
        WHERE e.position = ANY (positions) AND sojourn.names_actor(e.data, erasure.actor)
    );
    PERFORM sojourn.forget_salts(erased, '{actor,reason,rule_reason,stdout,stderr}');
    UPDATE sojourn.stored_event AS e
    SET
        actor = n.actor, actor_host = n.actor_host, actor_user = n.actor_user, actor_pid = n.actor_pid, reason = n.reason,
        rest = n.rest
    FROM
        unnest(erased) AS o
        CROSS JOIN LATERAL (SELECT s AS stored FROM sojourn.stored_event AS s WHERE s.position = o.position) AS s
        CROSS JOIN LATERAL sojourn.erase_stored(s.stored, pseudonym) AS n
    WHERE e.position = o.position;
    -- The digest of a request covers its reason, and could be compared with guesses.
    UPDATE sojourn.command AS c
    SET
        request = CASE WHEN o.has_reason THEN 'erased' ELSE c.request END,
        response = CASE WHEN jsonb_typeof(c.response -> 'reason') = 'string'
            THEN c.response || '{"reason": "erased"}' ELSE c.response END
    FROM (
        SELECT e.data ->> 'command_id' AS command_id, bool_or(e.data ? 'reason') AS has_reason
        FROM unnest(erased) AS e
        GROUP BY 1
    ) AS o
    WHERE c.command_id = o.command_id AND (o.has_reason OR jsonb_typeof(c.response -> 'reason') = 'string');
    GET DIAGNOSTICS commands = ROW_COUNT;
    UPDATE sojourn.erasure AS e SET events = e.events + cardinality(erased) WHERE e.number = erase_events.number;
    RETURN QUERY
    SELECT split_part(o.stream, ':', 1), o.workflow_id::text, count(*) FROM unnest(erased) AS o GROUP BY 1, 2
    UNION ALL
    SELECT 'command', NULL, commands WHERE commands > 0;
END
$$;

COMMENT ON FUNCTION sojourn.erase_events IS
    'Erase a person from events of the log, and from what is kept of them elsewhere in the database.';
