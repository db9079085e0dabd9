-- Return the folders and files of archives that may have the event at a position.
SELECT DISTINCT a.folder, a.file
FROM sojourn.archived_workflow AS a
WHERE a.first_position <= %(position)s AND a.last_position >= %(position)s
ORDER BY a.folder, a.file;
