-- Show the statuses of each machine of every stored lifecycle by what they mean for orphans.
-- They are those that end an entity's work and those that do not, those that await a report or a distributor's id,
-- those in which a task awaits an instance, because an active instance implies them, those in which it failed or was
-- cancelled and will not be tried again, and how long an entity may stay in a status (stuck_after, by status).
CREATE OR REPLACE VIEW sojourn.lifecycle_class AS
SELECT
    s.lifecycle, s.lifecycle_version, s.entity_kind,
    array_agg(s.status) FILTER (WHERE NOT s.terminal) AS active,
    array_agg(s.status) FILTER (WHERE s.terminal) AS ended,
    array_agg(s.status) FILTER (WHERE s.awaits_report) AS awaits_report,
    array_agg(s.status) FILTER (WHERE s.awaits_distributor) AS awaits_distributor,
    array_agg(s.status) FILTER (WHERE s.awaits_instance) AS awaits_instance,
    array_agg(s.status) FILTER (WHERE s.terminal AND (s.failure OR s.cancelled)) AS failed,
    jsonb_object_agg(s.status, s.stuck_after) FILTER (WHERE s.stuck_after IS NOT NULL) AS stuck_after
FROM sojourn.lifecycle_status AS s
GROUP BY s.lifecycle, s.lifecycle_version, s.entity_kind;

COMMENT ON VIEW sojourn.lifecycle_class IS
    'The statuses of each machine of every lifecycle that a task is pinned to, by what they mean for orphans.';
