-- Return a row where maintenance keeps sums of this database.
SELECT FROM sojourn.checkpoint AS c WHERE c.subscription = 'sums';
