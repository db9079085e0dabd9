-- Set this transaction up to read the whole log: sort in memory, and join at once.
-- The planner expects few rows for the lifecycle of an interval, and would look an event up for each.
SELECT
    set_config('work_mem', '128MB', true), set_config('jit', 'off', true),
    set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true);
