-- Every lifecycle that is kept with the log, and how many tasks live under it.
SELECT
    l.definition,
    (SELECT count(*) FROM sojourn.task AS t WHERE t.lifecycle = l.name AND t.lifecycle_version = l.version)
FROM sojourn.lifecycle AS l
ORDER BY l.name, l.version;
