-- Limit the slots of a tag.
INSERT INTO sojourn.slot_limit (tag, slots) VALUES (%s, %s)
ON CONFLICT (tag) DO UPDATE SET slots = excluded.slots;
