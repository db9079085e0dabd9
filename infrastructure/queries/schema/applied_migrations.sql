-- Return the applied migrations with their checksums.
SELECT m.name, m.checksum FROM sojourn.migration AS m WHERE m.name <> 'objects';
