-- Who may use the HTTP API. Of a token only its hash is kept: it is 256 random bits, so that no slow hash is needed.
CREATE TABLE sojourn.token (
    name       text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255),
    scope      text COLLATE "C" NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    sha256     bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz CHECK (revoked_at >= created_at)
);
