-- Return a row where maintenance keeps sketches of this database.
SELECT FROM sojourn.checkpoint AS c WHERE c.subscription = 'sketches';
