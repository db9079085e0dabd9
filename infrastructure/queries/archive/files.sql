-- Return the files of archives that tombstones name.
SELECT DISTINCT a.file FROM sojourn.archived_workflow AS a;
