"""Takes debug info out of assembly again where only we had asked for it."""

import re

_DEBUG_SECTION = re.compile(
    r"^[ \t]+\.section[ \t]+\.debug_.*?"
    r"(?=^[ \t]+\.(?:section[ \t]+(?!\.debug_)|text\b|data\b|bss\b|ident\b|addrsig\b)|\Z)",
    re.M | re.S,
)
_DEBUG_LINE = re.compile(r"^[ \t]+\.(?:loc[ \t][^\n]*|file[ \t]+\d+[ \t][^\n]*)\n", re.M)


def strip_line_info(text: str) -> str:
    """The text without the debug info that we asked for on top of the user's options.

    Only `.loc`, numbered `.file` and `.debug_*` sections go; labels stay, they make no bytes.
    """
    return _DEBUG_LINE.sub("", _DEBUG_SECTION.sub("", text))
