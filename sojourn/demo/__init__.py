"""The demo: a small distributor and its workers, which run real commands through Sojourn."""
