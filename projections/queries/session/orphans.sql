-- Set this transaction up for the orphan views: compiling such plans and sorting on disk cost more than they save.
SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true);
