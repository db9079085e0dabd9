-- Return whether a dependency has another value than its event, is missing, or is of no event.
WITH expected AS MATERIALIZED (
    SELECT p.*
    FROM sojourn.stored_event AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
    WHERE e.rest ? 'upstream'
)
SELECT
    EXISTS (TABLE expected EXCEPT ALL TABLE sojourn.dependency)
    OR EXISTS (TABLE sojourn.dependency EXCEPT ALL TABLE expected);
