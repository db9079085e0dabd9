-- Set this transaction up to compare workflows: sort in memory, and do not compile.
SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true);
