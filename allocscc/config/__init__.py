"""The one description that drives everything (R1): which functions are allocators and wrappers."""
