-- How long stays lasted that have ended, counted in buckets, so that quantiles of millions of stays are read from
-- thousands of rows. `sojourn maintain` keeps it up to the checkpoint of the subscription "sketches".
CREATE TABLE sojourn.stay_sketch (
    day               date NOT NULL,
    entity_kind       text COLLATE "C" NOT NULL CHECK (entity_kind IN ('task', 'task_instance')),
    lifecycle         text COLLATE "C" NOT NULL,
    lifecycle_version integer NOT NULL,
    template          text COLLATE "C",
    status            text COLLATE "C" NOT NULL,
    n                 bigint NOT NULL CHECK (n > 0),
    seconds           numeric NOT NULL CHECK (seconds >= 0),
    buckets           integer [] NOT NULL,
    counts            bigint [] NOT NULL,
    CONSTRAINT stay_sketch_key
        UNIQUE NULLS NOT DISTINCT (entity_kind, day, lifecycle, lifecycle_version, template, status),
    CONSTRAINT stay_sketch_counts_each_bucket CHECK (cardinality(buckets) = cardinality(counts))
);
COMMENT ON TABLE sojourn.stay_sketch IS
    'The stays that ended on a day (in UTC): their number, the sum of their seconds, and how many lie in each bucket of '
    'sojourn.sketch_bucket.';
