-- Give this session the memory to sort and hash the whole log once.
SELECT
    set_config('work_mem', '256MB', false),
    set_config('maintenance_work_mem', '256MB', false),
    set_config('synchronous_commit', 'off', false);
