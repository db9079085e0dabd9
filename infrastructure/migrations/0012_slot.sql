-- How many runs may go on at once, by the tags that they carry, and who holds a slot of which tag.
CREATE TABLE sojourn.slot_limit (
    tag   text COLLATE "C" PRIMARY KEY CHECK (length(tag) BETWEEN 1 AND 255),
    slots integer NOT NULL CHECK (slots >= 0)
);
COMMENT ON TABLE sojourn.slot_limit IS 'A tag that is not here has slots for everybody.';

CREATE TABLE sojourn.slot (
    tag      text COLLATE "C" NOT NULL CHECK (length(tag) BETWEEN 1 AND 255),
    holder   text COLLATE "C" NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tag, holder)
);
CREATE INDEX slot_holder_idx ON sojourn.slot (holder);
COMMENT ON TABLE sojourn.slot IS
    'Written in the transaction that lets a run begin or ends it. Tags without a limit are here too, so that a limit '
    'that is set later counts who is running already.';
