-- Check what was stated of the end of a partition, while others read it and append to it.
ALTER TABLE {partition} VALIDATE CONSTRAINT event_ends;
