SELECT c.position FROM sojourn.checkpoint AS c WHERE c.subscription = %s FOR NO KEY UPDATE;
