"""Text that every source has which declares functions by attributes (R5); imports nothing (hot path)."""

MARKS = (
    "__malloc__", "alloc_size", "alloc_align", "allocs:", "gnu::malloc", "using gnu", "ALLOCS_",
    "G_GNUC_MALLOC", "G_GNUC_ALLOC_SIZE", "__attribute_malloc__",  # macros of system headers: glib's, libc's
)  # fmt: skip
_WORD = "malloc"


def has_plain_mark(text: str, at: int) -> bool:
    """Whether an attribute list from offset `at` on holds the one attribute whose bare name is everywhere else, too."""
    while at >= 0:
        end = text.find("))", at)
        line = text[at : end + 1 if end >= 0 else at + 200]
        place = line.find(_WORD)
        while place >= 0:
            before, after = line[place - 1 : place], line[place + len(_WORD) : place + len(_WORD) + 1]
            if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
                return True
            place = line.find(_WORD, place + 1)
        at = text.find("__attribute", at + 1)
    return False
