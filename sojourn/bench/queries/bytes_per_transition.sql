-- Return the bytes that a transition takes in all tables.
SELECT
    (
        pg_total_relation_size('sojourn.event') + pg_total_relation_size('sojourn.transition')
        + pg_total_relation_size('sojourn.task') + pg_total_relation_size('sojourn.task_instance')
    )::float / greatest((SELECT count(*) FROM sojourn.transition), 1);
