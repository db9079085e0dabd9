-- Return entities that have been in a status that ends nothing for longer than is allowed there: one, a workflow's, or all.
-- Allowed for a status and template is what sojourn.stuck_after says ({"RUNNING": "2h", "align/RUNNING": "30m"}), else
-- what its lifecycle says, else sojourn.stuck_factor times the 99th percentile of the intervals of that status and
-- template that have ended, where there are sojourn.stuck_minimum of them, else of that status and lifecycle; never less
-- than sojourn.stuck_floor. Where there are too few of either, nothing is judged. Only what may be stuck is compared, and
-- only its statuses are read.
-- A task that has not begun is not compared while one that it waits for is unfinished or failed, because that one
-- explains its wait; the time that counts begins when the last of them ended.
CREATE OR REPLACE FUNCTION sojourn.stuck_entities(
    workflow_id text DEFAULT NULL, entity_kind text DEFAULT NULL, entity_id text DEFAULT NULL
)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, workflow_id text, rule text, decided boolean, since timestamptz,
    evidence bigint[], expected text, explanation text, status text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH threshold AS (
        SELECT
            sojourn.orphan_threshold('stuck_after')::jsonb AS given,
            sojourn.orphan_threshold('stuck_factor')::float8 AS factor,
            sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum,
            sojourn.orphan_threshold('stuck_floor')::interval AS least
    ),
    allowed AS MATERIALIZED (
        SELECT
            s.*, h.*,
            coalesce(
                (h.given ->> (s.template || '/' || s.status))::interval, (h.given ->> s.status)::interval, s.stuck_after
            ) AS given_after,
            coalesce(h.given ->> (s.template || '/' || s.status), h.given ->> s.status) IS NULL AS by_lifecycle
        FROM sojourn.active_entity AS s CROSS JOIN threshold AS h
        WHERE
            (s.entered_at + h.least <= sojourn.as_of_or_now() OR h.given <> '{}' OR s.stuck_after IS NOT NULL)
            AND (stuck_entities.workflow_id IS NULL OR s.workflow_id = stuck_entities.workflow_id)
            AND (stuck_entities.entity_kind IS NULL OR s.entity_kind = stuck_entities.entity_kind)
            AND (stuck_entities.entity_id IS NULL OR s.entity_id = stuck_entities.entity_id)
    ),
    upstream AS MATERIALIZED (
        SELECT u.*
        FROM
            (
                SELECT array_agg(a.entity_id) AS task_ids
                FROM allowed AS a
                WHERE a.given_after IS NULL AND a.entity_kind = 'task'
            ) AS w
            CROSS JOIN LATERAL sojourn.awaiting_tasks(w.task_ids) AS u
        WHERE w.task_ids IS NOT NULL
    ),
    judged AS MATERIALIZED (
        SELECT a.*, greatest(a.entered_at, u.ended_at) AS counts_from
        FROM allowed AS a LEFT JOIN upstream AS u ON u.task_id = a.entity_id AND a.entity_kind = 'task'
        WHERE u.waits IS NOT TRUE
    ),
    kind AS MATERIALIZED (
        SELECT DISTINCT j.entity_kind, j.lifecycle, j.status, j.minimum FROM judged AS j WHERE j.given_after IS NULL
    ),
    usual AS MATERIALIZED (
        SELECT u.*
        FROM
            (
                SELECT
                    array_agg(k.entity_kind) AS entity_kinds, array_agg(k.lifecycle) AS lifecycles,
                    array_agg(k.status) AS statuses, min(k.minimum) AS minimum
                FROM kind AS k
            ) AS w
            CROSS JOIN LATERAL sojourn.usual_stays(w.entity_kinds, w.lifecycles, w.statuses, w.minimum) AS u
        WHERE w.minimum IS NOT NULL
    ),
    limited AS (
        SELECT
            a.*, coalesce(own.intervals, others.intervals) AS intervals, coalesce(own.p99, others.p99) AS p99,
            own.intervals IS NULL AS of_lifecycle, others.sketched,
            coalesce(a.given_after, greatest(a.factor * coalesce(own.p99, others.p99), a.least)) AS after
        FROM
            judged AS a
            LEFT JOIN usual AS own
                -- By equalities, because IS NOT DISTINCT FROM would compare each entity with each template.
                ON own.entity_kind = a.entity_kind AND own.lifecycle = a.lifecycle AND own.status = a.status
                AND NOT own.of_lifecycle AND coalesce(own.template, '') = coalesce(a.template, '')
                AND (own.template IS NULL) = (a.template IS NULL)
            LEFT JOIN usual AS others
                ON others.entity_kind = a.entity_kind AND others.lifecycle = a.lifecycle AND others.status = a.status
                AND others.of_lifecycle
        WHERE a.given_after IS NOT NULL OR others.p99 IS NOT NULL
    )
    SELECT
        l.entity_kind, l.entity_id, l.task_id, l.workflow_id,
        'stuck', false,
        l.counts_from + l.after,
        ARRAY[entered.position],
        format('%s in another status than %s by %s', n.name, l.status, sojourn.format_utc(l.counts_from + l.after)),
        format('%s has been %s since %s', n.name, l.status, sojourn.format_utc(l.entered_at))
        || CASE
            WHEN l.counts_from > l.entered_at
                THEN format(', and the last task that it waits for ended at %s', sojourn.format_utc(l.counts_from))
            ELSE ''
        END || '; ' || CASE
            WHEN l.given_after IS NOT NULL AND l.by_lifecycle
                THEN format('allowed by lifecycle %s: %s', l.lifecycle, l.after)
            WHEN l.given_after IS NOT NULL THEN format('allowed: %s', l.after)
            ELSE format(
                '99 of 100 intervals of %s lasted at most %s%s (of %s); the limit is %s times that, and at least %s',
                CASE
                    WHEN l.of_lifecycle THEN format('lifecycle %s in %s', l.lifecycle, l.status)
                    ELSE coalesce('template ' || l.template, 'its kind')
                END,
                date_trunc('milliseconds', l.p99), CASE WHEN l.sketched THEN ' ±1 %' ELSE '' END, l.intervals, l.factor,
                l.least
            )
        END,
        l.status
    FROM
        limited AS l
        CROSS JOIN LATERAL (
            SELECT CASE l.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || l.entity_id
        ) AS n (name)
        CROSS JOIN LATERAL sojourn.entered_since(l.entity_kind, l.entity_id, ARRAY[l.status]) AS entered
    WHERE l.counts_from + l.after < sojourn.as_of_or_now()
$$;

COMMENT ON FUNCTION sojourn.stuck_entities IS
    'The orphans of the rule stuck: one entity, those of a workflow, or all, now or as of sojourn.as_of.';
