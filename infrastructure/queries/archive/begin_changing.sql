-- Let this session see the log as of now, and wait for the disk at each commit: a file is deleted, or removed from the
-- database, because of what was committed before, whatever the server's setting is.
SELECT
    set_config('sojourn.as_of', '', false),
    set_config(
        'synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
        false
    );
