"""What a report of one workflow shows, counted and summed by the database."""
