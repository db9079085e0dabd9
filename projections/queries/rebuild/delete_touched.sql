-- Delete the current status of the entities that have later events, so that it is filled in again.
WITH arrays AS (
    DELETE FROM sojourn_rebuild.array AS a
    WHERE a.array_id IN (SELECT substr(s, 7) FROM unnest(%(streams)s::text[]) AS s WHERE starts_with(s, 'array:'))
),
tasks AS (
    DELETE FROM sojourn_rebuild.task AS t
    WHERE t.task_id IN (SELECT substr(s, 6) FROM unnest(%(streams)s::text[]) AS s WHERE starts_with(s, 'task:'))
)
DELETE FROM sojourn_rebuild.task_instance AS i
WHERE
    i.task_instance_id IN (
        SELECT substr(s, 15) FROM unnest(%(streams)s::text[]) AS s WHERE starts_with(s, 'task_instance:')
    );
