"""Mistakes that can be seen before anything runs; the rules are in `rules`."""
