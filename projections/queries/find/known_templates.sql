-- Return the templates of all tasks.
SELECT DISTINCT t.template FROM sojourn.task AS t WHERE t.template IS NOT NULL ORDER BY 1;
