"""From objects to facts: finds the units of a build, has them preprocessed again and read."""
