"""The symbols of LTO's intermediate code, from section `.gnu.lto_.symtab.*` of an object.

Entries as gcc's lto-streamer-out.cc writes them for the linker plugin (gccint, "LTO file sections"; plugin-api.h):
name and COMDAT group, NUL-terminated each, kind, visibility, 8 bytes of size, 4 of a number.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


_DEFINED, _WEAK = (0, 1, 4), (1, 3)  # LDPK_DEF, LDPK_WEAKDEF, LDPK_COMMON; LDPK_WEAKDEF, LDPK_WEAKUNDEF
# LDPV_DEFAULT, _PROTECTED, _INTERNAL, _HIDDEN as ELF's st_other
_VISIBILITY = (0, 3, 1, 2)
_FIXED = 14


def ir_symbols(data: bytes) -> Iterator[tuple[bytes, bool, bool, int]]:
    """Name, whether it is defined, whether it is weak, and ELF visibility of each symbol; as far as the data goes."""
    at = 0
    while True:
        end = data.find(b"\0", at)
        group = data.find(b"\0", end + 1)
        if end < 0 or group < 0 or group + _FIXED >= len(data) or data[group + 2] >= len(_VISIBILITY):
            return
        kind = data[group + 1]
        yield data[at:end], kind in _DEFINED, kind in _WEAK, _VISIBILITY[data[group + 2]]
        at = group + 1 + _FIXED
