-- Set this transaction up to sketch: sort in memory.
SELECT set_config('work_mem', '64MB', true);
