"""Measurements against plain gcc and, where installed, against other heap profilers."""
