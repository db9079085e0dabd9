-- How far each subscription has come: written in the transaction in which its consumer writes.
CREATE TABLE sojourn.checkpoint (
    subscription text COLLATE "C" PRIMARY KEY CHECK (length(subscription) BETWEEN 1 AND 255),
    position     bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    advanced_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
