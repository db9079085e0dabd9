-- Return the version and the checksum of the views and functions that were created last.
SELECT m.version, m.checksum FROM sojourn.migration AS m WHERE m.name = 'objects';
