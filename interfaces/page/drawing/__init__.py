"""Charts as SVG, drawn by the server, with classes for their colours."""
