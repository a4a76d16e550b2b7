"""Reads and edits ELF files and archives (ELF gABI; System V `ar`). Only `struct`: the linker hook's hot path."""
