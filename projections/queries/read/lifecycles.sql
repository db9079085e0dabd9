-- Return every stored lifecycle, and how many tasks are pinned to it.
SELECT
    l.name,
    l.version,
    l.definition,
    (SELECT count(*) FROM sojourn.task AS t WHERE t.lifecycle = l.name AND t.lifecycle_version = l.version)
FROM sojourn.lifecycle AS l
ORDER BY l.name, l.version;
