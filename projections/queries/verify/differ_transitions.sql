-- Return whether a transition after a position has another value than its event, is missing, or is of no event.
-- Values are compared as the text that the event has, so that no value which somebody has put there can fail to be read.
SELECT
    EXISTS (
        SELECT
        FROM
            (
                SELECT
                    l.position, split_part(l.stream, ':', 1) AS entity_kind,
                    substr(l.stream, strpos(l.stream, ':') + 1) AS entity_id,
                    l.version, l.workflow_id, l.entered_at, l.data
                FROM sojourn.event AS l
                WHERE l.name = ANY (%(names)s) AND (%(after)s = 0 OR l.position > %(after)s)
            ) AS e
            FULL JOIN (
                SELECT r.* FROM sojourn.transition AS r WHERE %(after)s = 0 OR r.position > %(after)s
            ) AS t ON t.position = e.position
        WHERE
            (
                t.position, t.entity_kind, t.entity_id, t.version, t.workflow_id, t.entered_at,
                t.task_id, t.previous_status, t.status, t.reported,
                t.rule, t.actor, t.num_attempts::text,
                replace(
                    to_char(t.report_by_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
                )
            ) IS DISTINCT FROM (
                e.position, e.entity_kind, e.entity_id, e.version, e.workflow_id, e.entered_at,
                CASE WHEN e.entity_kind = 'task' THEN e.entity_id ELSE e.data ->> 'task_id' END,
                e.data ->> 'previous_status', e.data ->> 'status', e.data ->> 'reported',
                e.data ->> 'rule', e.data #>> '{actor,component}', e.data ->> 'num_attempts',
                e.data ->> 'report_by_date'
            )
    );
