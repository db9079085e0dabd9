-- Insert a token, unless its name is taken.
INSERT INTO sojourn.token (name, scope, sha256) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING;
