-- Show how long each task waited and ran.
-- A task runs in the statuses that its lifecycle calls running, and waits in every other status until it ends.
CREATE OR REPLACE VIEW sojourn.task_time AS
-- Materialized, because a join to the definitions themselves would parse one for each interval.
WITH known AS MATERIALIZED (
    SELECT l.* FROM sojourn.lifecycle_status AS l WHERE l.entity_kind = 'task'
)
SELECT
    u.task_id, u.workflow_id, t.template,
    coalesce(sojourn.event_user(e), e.actor) COLLATE "default" AS user_name,
    t.attributes ->> 'partition' AS partition,
    u.registered_at, u.started_at, u.ended_at, u.wait_seconds, u.run_seconds,
    CASE
        WHEN u.ended_at IS NOT NULL AND u.run_seconds > 0 THEN (u.wait_seconds + u.run_seconds) / u.run_seconds
    END AS expansion_factor
FROM
    (
        SELECT
            s.task_id, s.workflow_id, min(s.position) AS position, min(s.entered_at) AS registered_at,
            min(s.entered_at) FILTER (WHERE k.running) AS started_at,
            max(s.entered_at) FILTER (WHERE s.exited_at IS NULL AND k.terminal) AS ended_at,
            coalesce(
                sum(date_part('epoch', s.duration)) FILTER (WHERE NOT k.running AND NOT k.terminal), 0
            ) AS wait_seconds,
            coalesce(sum(date_part('epoch', s.duration)) FILTER (WHERE k.running AND NOT k.terminal), 0) AS run_seconds
        FROM
            sojourn.task_status_audit AS s
            JOIN known AS k
                ON k.lifecycle = s.lifecycle AND k.lifecycle_version = s.lifecycle_version AND k.status = s.new_status
        GROUP BY s.task_id, s.workflow_id
    ) AS u
    -- The planner removes the joins where none of their columns is used.
    LEFT JOIN sojourn.task AS t ON t.task_id = u.task_id
    LEFT JOIN sojourn.stored_event AS e ON e.position = u.position;

COMMENT ON VIEW sojourn.task_time IS
    'How long each task waited and ran, in seconds, up to now or to sojourn.as_of while it goes on. It runs in the '
    'statuses that its lifecycle calls running, and waits in every other one until it ends. expansion_factor is (wait + '
    'run) / run of a task that ran and ended. user_name is the user who registered it, or else the component; partition '
    'is the attribute of this name.';
