-- Return the hours that later events have changed, the earliest first, with the number of these events.
SELECT u.hour, u.events FROM sojourn.unsummed_hours() AS u ORDER BY u.hour;
