-- Remove the limit of a tag.
DELETE FROM sojourn.slot_limit AS l WHERE l.tag = %s;
