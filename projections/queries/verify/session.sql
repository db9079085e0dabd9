-- Let this transaction sort a part of the log in memory, and read everything although a database may set another as-of.
SELECT set_config('work_mem', '64MB', true), set_config('sojourn.as_of', '', true);
