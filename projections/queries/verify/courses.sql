-- Return the courses of the families of some workflows, each with the positions of the events of one family that took it.
-- A family is a task with its instances. Its course has all that a replay judges its events by; of texts, times and ids it
-- has only their kind and which are the same, because a replay compares them and no more. So a replay of one family judges
-- every family of its course. What no course has is doubtful where it is wrong: times of entry, causes, workflows, and rows.
-- With decisions, a course also has what a decision reads: causes, and the family itself where times or states decide.
WITH logged AS (
    SELECT
        e.position, sojourn.event_stream(e) AS stream, e.entity_id, e.version, e.workflow_id, e.entered_at,
        e.version = 1 OR e.previous_status IS NOT NULL AS is_transition,
        coalesce(e.occurred_at, e.recorded_at) AS effective_at, e.entity_kind = 'task' AS is_task, f.family,
        CASE WHEN NOT c.are_all THEN sojourn.event_name(e) END AS name,
        CASE WHEN NOT c.are_all THEN sojourn.event_data(e) END AS data,
        CASE WHEN c.are_all THEN to_jsonb(e.ordinal) END AS ordinal,
        CASE WHEN c.are_all THEN to_jsonb(e.owner) END AS owner,
        CASE WHEN c.are_all THEN to_jsonb(e.runner_id) END AS runner_id,
        CASE WHEN c.are_all THEN sojourn.event_cause(e) END AS cause,
        -- What the JSON would state; the length before each text shows where it ends.
        CASE
            WHEN c.are_all
                THEN concat(
                    '=', octet_length(e.event_type), ':', e.event_type, octet_length(e.status), ':', e.status,
                    octet_length(e.previous_status), ':', e.previous_status, octet_length(e.reported), ':', e.reported,
                    octet_length(e.rule), ':', e.rule, e.num_attempts, ':', e.ordinal, ':',
                    CASE WHEN e.actor IS NOT NULL THEN 'a' END, CASE WHEN e.cause IS NOT NULL THEN 'c' END,
                    CASE WHEN e.reason IS NOT NULL THEN 'r' END, CASE WHEN e.task_id IS NOT NULL THEN 't' END,
                    CASE WHEN e.command_id IS NOT NULL THEN 'm' END, CASE WHEN e.distributor_id IS NOT NULL THEN 'd' END,
                    CASE WHEN e.report_by_date IS NOT NULL THEN 'b' END
                )
        END AS columns
    FROM
        sojourn.stored_event AS e
        CROSS JOIN LATERAL (SELECT CASE WHEN e.entity_kind = 'task' THEN e.entity_id ELSE e.task_id END) AS f (family)
        -- The columns state most events, which takes a fraction of the time of making their JSON and reading it.
        CROSS JOIN LATERAL (
            SELECT
                e.rest IS NULL
                AND (e.actor_pid IS NULL OR e.actor_pid BETWEEN -999999999 AND 999999999)
                AND (e.report_by_date IS NULL OR e.report_by_date BETWEEN '1000-01-01 00:00Z' AND '2999-12-31 00:00Z')
        ) AS c (are_all)
    WHERE
        e.position BETWEEN %(first)s AND %(last)s AND e.workflow_id = ANY (%(workflows)s)
        AND e.entity_kind IN ('task', 'task_instance')
        AND (%(parts)s = 1 OR (hashtextextended(coalesce(f.family, ''), 0) & 1073741823) %% %(parts)s = %(part)s)
    -- The JSON of an event is made once, however often it is read.
    OFFSET 0
),
in_streams AS (
    SELECT
        l.position, l.stream, l.version, l.workflow_id, l.entered_at, l.is_transition, l.effective_at, l.is_task, l.family,
        l.name, l.data, l.columns, coalesce(l.cause, l.data ->> 'cause') AS cause,
        coalesce(l.owner, l.data -> 'owner') AS owner, coalesce(l.runner_id, l.data -> 'runner_id') AS runner_id,
        lag(l.entered_at) OVER in_stream AS entered_before, lag(l.family) OVER in_stream AS family_before,
        lag(coalesce(l.owner, l.data -> 'owner')) OVER in_stream AS owner_before,
        lag(l.data -> 'actor') OVER in_stream AS actor_before,
        first_value(coalesce(l.ordinal, l.data -> 'ordinal')) OVER in_stream AS ordinal,
        first_value(l.position) OVER in_stream AS first_position,
        lead(l.position) OVER in_stream IS NULL AS is_last
    FROM logged AS l
    WINDOW in_stream AS (PARTITION BY l.entity_id, l.is_task ORDER BY l.position)
),
steps AS (
    SELECT
        s.position, s.family, s.stream, s.version, s.workflow_id, s.is_task, s.ordinal, s.first_position, s.is_last,
        s.cause,
        s.family IS NULL OR s.family_before <> s.family
        OR s.entered_at <> CASE
            WHEN s.is_transition THEN greatest(s.effective_at, s.entered_before)
            ELSE coalesce(s.entered_before, s.effective_at)
        END AS is_doubtful,
        concat(
            CASE WHEN s.is_task THEN 'task' ELSE s.ordinal::text END, ' ', s.version, ' ', s.columns, length(s.name), ' ', s.name, ' ',
            s.data - '{
                actor,array_id,attributes,batch_number,cause,command_id,distributor_id,heard_at,owner,parent,reason,
                report_by_date,rule_reason,runner_id,silent_since,silent_until,stderr,stdout,step,task_id,template,
                upstream,waits_for
            }'::text [],
            ' ', jsonb_typeof(s.data -> 'cause'), ' ', jsonb_typeof(s.data -> 'task_id'), ' ',
            CASE
                WHEN s.data IS NULL THEN NULL
                WHEN
                    s.data -> 'actor' = s.actor_before
                    OR (s.data -> 'actor') - '{component,host,pid,user}'::text [] = '{}'
                    AND s.data @? '$.actor ? (
                        @.component.type() == "string"
                        && (!exists(@.host) || @.host.type() == "string" || @.host.type() == "null")
                        && (!exists(@.user) || @.user.type() == "string" || @.user.type() == "null")
                        && (!exists(@.pid) || @.pid.type() == "null"
                            || @.pid.type() == "number" && @.pid.floor() == @.pid && @.pid.abs() < 1000000000)
                    )'
                    THEN 'actor'
                ELSE s.data ->> 'actor'
            END,
            ' ',
            CASE
                WHEN s.owner_before IS NOT NULL OR s.owner IS NOT NULL OR s.runner_id IS NOT NULL
                    THEN
                        concat(
                            jsonb_typeof(s.owner), ' ', jsonb_typeof(s.runner_id), ' ',
                            coalesce(s.owner #>> '{}', '') = '', coalesce(s.runner_id #>> '{}', '') = '',
                            s.owner #>> '{}' IS NOT DISTINCT FROM s.runner_id #>> '{}',
                            s.owner #>> '{}' IS NOT DISTINCT FROM s.owner_before #>> '{}',
                            s.runner_id #>> '{}' IS NOT DISTINCT FROM s.owner_before #>> '{}'
                        )
            END,
            CASE
                WHEN
                    s.data ?| '{
                        array_id,attributes,batch_number,command_id,distributor_id,heard_at,parent,reason,report_by_date,
                        rule_reason,silent_since,silent_until,stderr,stdout,step,template,upstream,waits_for
                    }'
                    THEN (
                        SELECT
                            string_agg(
                                concat(
                                    ' ', d.key, ' ', jsonb_typeof(d.value), ' ',
                                    CASE
                                        WHEN jsonb_typeof(d.value) IN ('string', 'null') AND d.key IN (
                                            'array_id', 'command_id', 'distributor_id', 'parent', 'reason', 'rule_reason',
                                            'stderr', 'stdout', 'template'
                                        ) THEN NULL
                                        WHEN d.key = 'attributes' AND jsonb_typeof(d.value) = 'object' THEN NULL
                                        WHEN d.key IN ('batch_number', 'step') AND d.value::text ~ '^[0-9]{1,9}$' THEN NULL
                                        WHEN d.key IN ('heard_at', 'report_by_date', 'silent_since', 'silent_until')
                                            AND d.value::text ~ '^"[12]\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z"$'
                                            THEN NULL
                                        WHEN d.key = 'upstream' AND jsonb_typeof(d.value) = 'array'
                                            AND NOT d.value @? '$[*] ? (@.type() != "string")' THEN NULL
                                        WHEN d.key = 'waits_for' AND d.value - '{kind,detail,holders}'::text [] = '{}'
                                            AND coalesce(jsonb_typeof(d.value -> 'detail'), 'string') = 'string'
                                            AND coalesce(length(d.value ->> 'detail') BETWEEN 1 AND 255, true)
                                            AND NOT d.value @? '$.holders ? (@.type() != "array")'
                                            AND NOT d.value @? '$.holders[*] ? (@.type() != "string")'
                                            THEN d.value ->> 'kind'
                                        ELSE d.value::text
                                    END
                                ),
                                ''
                            )
                        FROM jsonb_each(s.data) AS d
                        WHERE d.key IN (
                            'array_id', 'attributes', 'batch_number', 'command_id', 'distributor_id', 'heard_at',
                            'parent', 'reason', 'report_by_date', 'rule_reason', 'silent_since', 'silent_until',
                            'stderr', 'stdout', 'step', 'template', 'upstream', 'waits_for'
                        )
                    )
            END,
            CASE
                WHEN
                    %(decisions)s
                    AND (
                        s.effective_at < s.entered_before
                        OR concat(s.data ->> 'lifecycle', ' ', s.data ->> 'lifecycle_version') = ANY (%(by_state)s)
                    )
                    THEN concat(' ', s.family)
            END
        ) AS step
    FROM in_streams AS s
),
in_families AS (
    SELECT
        s.*, lag(concat(s.stream, '@', s.version)) OVER in_family AS reference_before,
        lag(s.cause) OVER in_family AS cause_before
    FROM steps AS s
    WINDOW in_family AS (PARTITION BY s.family ORDER BY s.position)
),
families AS (
    SELECT
        f.family, sha256(
            convert_to(
                string_agg(
                    concat(
                        f.step,
                        CASE
                            WHEN NOT %(decisions)s OR f.cause IS NULL THEN NULL
                            WHEN f.cause = f.reference_before THEN ' event before'
                            WHEN f.cause = f.cause_before THEN ' its cause'
                            ELSE concat(' ', length(f.cause), ' ', f.cause)
                        END
                    ),
                    e'\n' ORDER BY f.position
                ),
                'UTF8'
            )
        ) AS course,
        array_agg(f.position ORDER BY f.position) AS positions, count(*) AS events,
        count(*) FILTER (WHERE f.is_last) AS streams, count(*) FILTER (WHERE f.is_last AND f.is_task) AS tasks,
        coalesce(max((f.ordinal #>> '{}')::integer), 0) AS instances,
        array_agg(f.is_task ORDER BY f.position) FILTER (WHERE f.is_last) AS of_tasks,
        array_agg(f.first_position ORDER BY f.position) FILTER (WHERE f.is_last) AS first_positions,
        array_agg(f.position ORDER BY f.position) FILTER (WHERE f.is_last) AS last_positions,
        bool_or(
            f.is_doubtful
            OR CASE
                WHEN f.cause IS NULL OR f.cause = f.reference_before OR f.cause = f.cause_before THEN false
                WHEN f.cause ~ '@[0-9]{1,9}$'
                    THEN NOT EXISTS (
                        SELECT FROM sojourn.stored_event AS c
                        WHERE
                            c.entity_kind = sojourn.kind_of(f.cause)
                            AND c.entity_id = sojourn.id_of(regexp_replace(f.cause, '@[0-9]*$', ''))
                            AND c.version = substring(f.cause, '@([0-9]*)$')::integer AND c.position < f.position
                    )
                ELSE true
            END
        )
        OR min(f.workflow_id) <> max(f.workflow_id) AS is_doubtful
    FROM in_families AS f
    GROUP BY f.family
),
wrong_row AS (
    SELECT count(*) AS rows
    FROM
        families AS f
        CROSS JOIN LATERAL unnest(f.of_tasks, f.first_positions, f.last_positions)
            AS l (is_task, first_position, position)
        -- Each row by its key: the planner does not know how few there are.
        CROSS JOIN LATERAL (
            SELECT x AS event FROM sojourn.stored_event AS x WHERE x.position = l.first_position OFFSET 0
        ) AS first
        CROSS JOIN LATERAL (SELECT x AS event FROM sojourn.stored_event AS x WHERE x.position = l.position OFFSET 0) AS last
        CROSS JOIN LATERAL (
            SELECT
                p::text AS expected,
                (SELECT t::text FROM sojourn.task AS t WHERE t.task_id = p.task_id COLLATE "C") AS found
            FROM sojourn.project_task(first.event, last.event, f.instances) AS p
            WHERE l.is_task
            UNION ALL
            SELECT
                p::text,
                (
                    SELECT i::text FROM sojourn.task_instance AS i
                    WHERE i.task_instance_id = p.task_instance_id COLLATE "C"
                )
            FROM sojourn.project_task_instance(first.event, last.event) AS p
            WHERE NOT l.is_task
        ) AS r
    WHERE r.found IS DISTINCT FROM r.expected
)
SELECT
    c.course, min(c.positions) AS positions, sum(c.events)::bigint AS events, sum(c.tasks)::bigint AS tasks,
    sum(c.streams - c.tasks)::bigint AS instances,
    bool_or(c.is_doubtful)
    OR (%(rows)s AND (SELECT w.rows > 0 FROM wrong_row AS w)) AS is_doubtful
FROM families AS c
GROUP BY c.course;
