"""allocscc: a C/C++ compiler driver that makes every heap allocation known."""

__version__ = "0.1.0"
