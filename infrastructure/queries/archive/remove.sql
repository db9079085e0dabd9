-- Remove the workflows of an archive's file from the log, and leave tombstones.
SELECT sojourn.remove_archived(%s, %s, %s);
