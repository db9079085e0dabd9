-- Name another file in the tombstones of a file of an archive.
UPDATE sojourn.archived_workflow AS a SET file = %s WHERE a.file = %s;
