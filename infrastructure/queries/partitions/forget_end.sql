-- Take back what was stated of the end of a partition.
ALTER TABLE {partition} DROP CONSTRAINT IF EXISTS event_ends;
