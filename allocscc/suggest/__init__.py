"""Which functions of a project look like allocators or wrappers: from sources, pure but for `gather.py` (R15)."""
