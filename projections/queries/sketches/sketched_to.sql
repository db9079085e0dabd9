-- Return the position up to which the sketches count the stays that have ended.
SELECT sojourn.sketched_to();
