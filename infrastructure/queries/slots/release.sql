-- Release the slots of a holder.
DELETE FROM sojourn.slot AS s WHERE s.holder = %s;
