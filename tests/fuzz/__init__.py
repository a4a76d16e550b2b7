"""Damaged inputs: a seeded mutator over a corpus of real objects, archives and sidecars (R3, R6, R15).

`python -m tests.fuzz` (`make fuzz`) runs many, `test_fuzz.py` a smaller set in CI.
"""
