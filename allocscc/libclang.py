"""libclang's bindings as a compile can afford them.

`clang.cindex` gives all 300 functions of the library their types when it loads it, which takes 4 ms; here each gets
them when it is first called. Import `conf` and the rest from here.
"""

from __future__ import annotations

import os
from ctypes import CDLL

from clang import cindex
from clang.cindex import (
    Cursor,
    CursorKind,
    Index,
    SourceLocation,
    StorageClass,
    TranslationUnit,
    TranslationUnitLoadError,
    Type,
    TypeKind,
    conf,
)

__all__ = [
    "Cursor", "CursorKind", "Index", "SourceLocation", "StorageClass", "TranslationUnit", "TranslationUnitLoadError",
    "Type", "TypeKind", "conf",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES = {entry[0]: entry for entry in cindex.functionList}


class _Library(CDLL):
    """The library; a function's types are set when its name is first looked up (`CDLL` looks up once)."""

    def __getattr__(self, name: str) -> Any:
        function = super().__getattr__(name)
        if name in _TYPES:
            cindex.register_function(self, _TYPES[name], False)
        return function


def _path() -> str:
    """The library beside the bindings, without asking `platform` (a millisecond) what system this is."""
    beside = os.path.join(str(cindex.Config.library_path or ""), "libclang.so")
    return cindex.Config.library_file or (beside if os.path.isfile(beside) else "libclang.so")


if not cindex.Config.loaded:
    try:
        conf.lib = _Library(_path())
        cindex.Config.loaded = True
    except OSError as error:
        raise ImportError(f"libclang cannot be loaded: {error}") from error
