-- Return how often each status came right after another.
SELECT d.* FROM sojourn.directly_follows(%(kind)s, %(workflow_id)s) AS d;
