-- Return parts of the log by whole workflows in the order in which they begin, each of about a number of events.
WITH workflow AS (
    SELECT e.workflow_id, min(e.position) AS first, max(e.position) AS last, count(*) AS events
    FROM sojourn.stored_event AS e
    GROUP BY e.workflow_id
),
placed AS (
    SELECT w.*, (sum(w.events) OVER (ORDER BY w.first, w.workflow_id) - w.events) / %(events)s::bigint AS place
    FROM workflow AS w
)
SELECT
    min(p.first) AS first, max(p.last) AS last, array_agg(p.workflow_id) AS workflows, sum(p.events)::bigint AS events,
    (SELECT sum(w.events)::bigint FROM workflow AS w) AS all_events
FROM placed AS p
GROUP BY trunc(p.place)
ORDER BY 1;
