-- Return the sequences of statuses, the most frequent first.
SELECT v.* FROM sojourn.variants(%(kind)s, %(workflow_id)s) AS v LIMIT %(limit)s;
