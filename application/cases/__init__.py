"""Cases: the part of the log that belongs to a workflow, in one file for people without access to the database."""
