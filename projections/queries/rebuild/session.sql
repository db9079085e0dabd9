-- This session sorts and hashes the whole log once.
SELECT
    set_config('work_mem', '256MB', false),
    set_config('maintenance_work_mem', '256MB', false),
    set_config('synchronous_commit', 'off', false);
