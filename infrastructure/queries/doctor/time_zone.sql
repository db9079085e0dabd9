-- Return a time in a zone by its name; the server raises an error where it lacks the data of time zones.
SELECT clock_timestamp() AT TIME ZONE 'Europe/Berlin';
