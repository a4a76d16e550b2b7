"""Unit tests of `allocscc.suggest`."""
