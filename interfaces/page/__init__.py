"""The pages of `sojourn serve` and of `sojourn report`: templates, drawings, and modules for the browser."""
