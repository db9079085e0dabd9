-- Return every stored lifecycle, for the manifest of an archive.
SELECT l.name, l.version, l.definition FROM sojourn.lifecycle AS l ORDER BY l.name, l.version;
