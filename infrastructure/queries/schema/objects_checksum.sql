-- Return the checksum of the views and functions that were created last.
SELECT m.checksum FROM sojourn.migration AS m WHERE m.name = 'objects';
