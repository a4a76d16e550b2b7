"""Takes debug info out of assembly again where only we had asked for it."""

import re

# A section and what it holds: labels, data and comments, up to the first directive that is none of these.
_DEBUG_SECTION = re.compile(
    r"^[ \t]+\.section[ \t]+\.debug_[^\n]*\n"
    r"(?:(?:[\w.$]+:|[ \t]*#|"
    r"[ \t]+\.(?:byte|value|short|long|quad|[248]byte|[us]leb128|string|asci[iz]|zero|set|p2align)\b)"
    r"[^\n]*\n|[ \t]*\n)*",
    re.M,
)
_DEBUG_LINE = re.compile(r"^[ \t]+\.(?:loc[ \t][^\n]*|file[ \t]+\d+[ \t][^\n]*)\n", re.M)


def strip_line_info(text: str) -> str:
    """The text without the debug info that we asked for on top of the user's options.

    Only `.loc`, numbered `.file` and `.debug_*` sections go; labels stay, they make no bytes.
    """
    return _DEBUG_LINE.sub("", _DEBUG_SECTION.sub("", text))
