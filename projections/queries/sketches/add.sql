-- Add the stays that events between two positions have ended to the sketches of the days on which they ended.
SELECT sojourn.count_stays(%(after)s, %(upto)s, NULL, 1);
