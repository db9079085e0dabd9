-- Return the statements that grant the roles what they lack.
SELECT m.statement FROM sojourn.missing_grant AS m ORDER BY m.role, m.statement;
