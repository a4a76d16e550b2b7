"""Reads profiles and shows them: who owns the heap, by allocator, wrapper, site and type."""
