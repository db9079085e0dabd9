-- Lock the checkpoint of a subscription and return its position.
SELECT c.position FROM sojourn.checkpoint AS c WHERE c.subscription = %s FOR NO KEY UPDATE;
