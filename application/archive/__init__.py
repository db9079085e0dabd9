"""The archive: ended workflows, moved whole from the log into a Parquet dataset, and back."""
