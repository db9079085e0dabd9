-- Return the stored lifecycles that define a recovery.
SELECT l.name, l.version FROM sojourn.lifecycle AS l WHERE json_typeof(l.definition -> 'recovery') = 'object';
