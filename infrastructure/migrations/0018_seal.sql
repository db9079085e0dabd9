-- Seals: what the log had, range by range, so that a change is found without what it was before.
CREATE TABLE sojourn.seal (
    number         bigint PRIMARY KEY CHECK (number > 0),
    first_position bigint NOT NULL CHECK (first_position > 0),
    last_position  bigint NOT NULL UNIQUE,
    events         bigint NOT NULL CHECK (events > 0),
    merkle_root    bytea NOT NULL CHECK (length(merkle_root) = 32),
    root           bytea NOT NULL UNIQUE CHECK (length(root) = 32),
    public_key     bytea CHECK (length(public_key) = 32),
    signature      bytea CHECK (length(signature) = 64),
    sealed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seal_has_its_events CHECK (events <= last_position - first_position + 1),
    CONSTRAINT seal_is_signed_by_a_key CHECK ((public_key IS NULL) = (signature IS NULL))
);
COMMENT ON TABLE sojourn.seal IS
    'One row for each range of positions whose events are complete, never changed. merkle_root is that of its '
    'events and of the positions that never were; root also covers every seal before it.';

CREATE TABLE sojourn.seal_seed (
    number bigint PRIMARY KEY,
    seed   bytea NOT NULL CHECK (length(seed) = 32)
);
COMMENT ON TABLE sojourn.seal_seed IS
    'What the salts of the events of a seal come from: SHA-256 of the seed and the position. A seal whose events were '
    'erased has no seed any more; the salts of its other events are in sojourn.seal_salt.';

CREATE TABLE sojourn.seal_salt (
    position bigint PRIMARY KEY,
    salt     bytea NOT NULL CHECK (length(salt) = 32)
);
COMMENT ON TABLE sojourn.seal_salt IS 'The salts of events whose seal has no seed any more.';

CREATE TABLE sojourn.erased_field (
    position   bigint NOT NULL,
    field      text COLLATE "C" NOT NULL,
    commitment bytea CHECK (length(commitment) = 32),
    salt       bytea CHECK (length(salt) = 32),
    PRIMARY KEY (position, field),
    CONSTRAINT erased_field_has_one CHECK (num_nonnulls(commitment, salt) = 1)
);
COMMENT ON TABLE sojourn.erased_field IS
    'The fields of sealed events of which one was erased: the salted hash of what was erased, and the salt of what was '
    'not. The salt of what was erased is gone, so that its hash cannot be compared with guesses.';
