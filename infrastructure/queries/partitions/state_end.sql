-- State that a partition has no position from a boundary on, without reading it.
ALTER TABLE {partition} ADD CONSTRAINT event_ends CHECK (position < {boundary}) NOT VALID;
