"""The report of one workflow. The database counts and sums up its content."""
