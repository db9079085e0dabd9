"""The report of a workflow as an HTML page: one file that needs no network."""
