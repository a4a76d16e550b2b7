"""Text that every source has which declares functions by attributes (R5); imports nothing (hot path)."""

MARKS = (
    "__malloc__", "__alloc_size__", "__alloc_align__", "allocs:", "gnu::malloc", "using gnu", "ALLOCS_",
    "G_GNUC_MALLOC", "G_GNUC_ALLOC_SIZE", "__attribute_malloc__",  # macros of system headers: glib's, libc's
    "__attribute_alloc_size__", "__attribute_alloc_align__",
)  # fmt: skip
# Attributes that macros may put their underscores and brackets around.
WORDS = ("alloc_size", "alloc_align")
_MALLOC = "malloc"


def has_word(text: str, word: str) -> bool:
    """Whether the text has `word` as a whole identifier."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
            return True
        at = text.find(word, at + 1)
    return False


def has_plain_mark(text: str, at: int) -> bool:
    """Whether an attribute list from offset `at` on holds the one attribute whose bare name is everywhere else, too."""
    while at >= 0:
        end = text.find("))", at)
        if has_word(text[at : end + 1 if end >= 0 else at + 200], _MALLOC):
            return True
        at = text.find("__attribute", at + 1)
    return False
