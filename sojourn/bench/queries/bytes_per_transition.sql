-- Return the bytes that a transition takes in the log and the current-status tables, with their indexes.
SELECT
    (
        (SELECT sum(pg_total_relation_size(part.relid)) FROM pg_partition_tree('sojourn.stored_event') AS part)
        + pg_total_relation_size('sojourn.task')
        + pg_total_relation_size('sojourn.task_instance')
    )::float / greatest((SELECT count(*) FROM sojourn.transition), 1);
