-- Compiling a plan that reads the whole log costs more than it saves, and sorting on disk costs twice.
SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true);
