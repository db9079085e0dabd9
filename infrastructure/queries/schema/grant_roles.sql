-- Grant the roles what they lack.
SELECT sojourn.grant_roles();
