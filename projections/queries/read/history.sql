-- Return the events of a stream with their fields.
SELECT
    e.position, e.version, e.name,
    coalesce(d.previous_status, CASE WHEN e.version > 1 THEN d.status END) AS previous_status,
    d.status, d.reported, d.rule, e.occurred_at, e.recorded_at,
    d.actor ->> 'component' AS actor,
    cause.position AS cause,
    d.reason, e.entered_at, d.claimed, d.command_id, d.num_attempts, d.report_by_date,
    d.actor ->> 'host' AS host, (d.actor ->> 'pid')::integer AS pid, d.actor ->> 'user' AS "user",
    d.silent_since, d.silent_until, d.owner, d.runner_id, d.response, d.rule_reason, d.delay_seconds, d.state,
    nullif(
        e.data - '{status,previous_status,reported,rule,actor,cause,reason,claimed,command_id,num_attempts}'::text[]
        - '{report_by_date,silent_since,silent_until}'::text[]
        - '{owner,runner_id,response,rule_reason,delay_seconds,state}'::text[],
        '{}'
    ) AS details
FROM
    sojourn.event AS e
    CROSS JOIN LATERAL jsonb_to_record(e.data) AS d (
        previous_status text, status text, reported text, rule text, actor jsonb, cause text, reason text,
        claimed text, command_id text, num_attempts integer, report_by_date timestamptz, silent_since timestamptz,
        silent_until timestamptz, owner text, runner_id text, response text, rule_reason text,
        delay_seconds double precision, state jsonb
    )
    LEFT JOIN sojourn.event AS cause
        ON cause.entity_kind = sojourn.kind_of(substring(d.cause FROM '^(.+)@[0-9]+$'))
        AND cause.entity_id = sojourn.id_of(substring(d.cause FROM '^(.+)@[0-9]+$'))
        AND cause.version = substring(d.cause FROM '@([0-9]+)$')::integer
WHERE
    e.entity_kind = sojourn.kind_of(%(stream)s) AND e.entity_id = sojourn.id_of(%(stream)s)
    AND e.version > %(after)s AND e.version <= coalesce(%(until)s, 2147483647)
ORDER BY e.version;
