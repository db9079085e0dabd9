-- Return the folder of the server's data, and the bytes of this database.
SELECT current_setting('data_directory'), pg_database_size(current_database());
