SELECT m.name, m.checksum FROM sojourn.migration AS m WHERE m.name <> 'objects';
