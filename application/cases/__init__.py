"""Cases: a workflow's part of the log in one file, for somebody who has no access to the database."""
