DELETE FROM sojourn.slot AS s WHERE s.holder = %s;
