-- Set a threshold of the orphan rules for this transaction.
SELECT set_config('sojourn.' || %s, %s, true);
