-- Ask an export of Sojourn with DuckDB, offline: no connection to the database is needed.
--
--     sojourn export --format parquet -o statuses
--     duckdb < duckdb.sql
--
-- An export has a row for each status that a task or a task instance was in, as sojourn.status_audit has.

CREATE OR REPLACE VIEW status_audit AS
SELECT * FROM read_parquet('statuses/**/*.parquet', hive_partitioning = true);

-- How long task instances stayed in each status.
CREATE OR REPLACE VIEW time_in_status AS
SELECT
    new_status AS status,
    count(*) AS n,
    count(*) FILTER (exited_at IS NULL) AS open,
    sum(duration_seconds) AS total_seconds,
    quantile_cont(duration_seconds, 0.5) AS p50_seconds,
    quantile_cont(duration_seconds, 0.9) AS p90_seconds
FROM status_audit
WHERE entity_kind = 'task_instance' AND NOT terminal
GROUP BY new_status
ORDER BY total_seconds DESC;

FROM time_in_status;

-- How many task instances were running at once: every entry is +1, every exit -1.
CREATE OR REPLACE VIEW concurrency AS
WITH change AS (
    SELECT entered_at AS moment, 1 AS step
    FROM status_audit
    WHERE entity_kind = 'task_instance' AND new_status = 'RUNNING'
    UNION ALL
    SELECT exited_at, -1
    FROM status_audit
    WHERE entity_kind = 'task_instance' AND new_status = 'RUNNING' AND exited_at IS NOT NULL
),
netted AS (
    SELECT moment, sum(step) AS step FROM change GROUP BY moment HAVING sum(step) <> 0
)
SELECT moment, (sum(step) OVER (ORDER BY moment))::BIGINT AS n FROM netted ORDER BY moment;

SELECT max(n) AS most_at_once FROM concurrency;

-- Where the time of each template goes.
PIVOT (
    SELECT template, new_status, duration_seconds
    FROM status_audit
    WHERE entity_kind = 'task_instance' AND NOT terminal
)
ON new_status
USING round(sum(duration_seconds), 3)
GROUP BY template
ORDER BY template;
