-- Take a slot of every tag for a run, as sojourn.take_slots describes.
SELECT sojourn.take_slots(%s, %s);
