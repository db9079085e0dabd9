-- Return the identity of this log.
SELECT i.id FROM sojourn.log_identity AS i;
