-- Count the tasks that cannot start because of the first cause of one of them.
SELECT count(*)
FROM
    sojourn.blocked_tasks(ARRAY(
        SELECT c.cause_id FROM sojourn.first_causes(NULL, %(task)s) AS c
        ORDER BY c.since, c.position
        LIMIT 1
    ));
