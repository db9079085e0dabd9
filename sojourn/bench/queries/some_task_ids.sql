-- Return some task ids.
SELECT t.task_id FROM sojourn.task AS t TABLESAMPLE SYSTEM (10) LIMIT 200;
