"""What the page reads besides the answers of commands."""
