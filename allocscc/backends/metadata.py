"""Liballocs' metadata of an output: its own makefile makes them, after the link (LIBALLOCS-ABI.md)."""

from __future__ import annotations

import os

from allocscc import toolchain
from allocscc.errors import ToolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT_BASE = "/usr/lib/meta"
# Of a make around us: its variables are not meant for liballocs' makefile.
_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "CC", "CFLAGS", "MAKEFILES")
_TAIL = 20  # lines of a log that a message shows


def make_metadata(output: str, tree: str, signatures: dict[str, str], suballocators: Sequence[str]) -> None:
    """Have the metadata of an output made; the log stays beside them, as `OUTPUT.makelog`.

    Args:
        output: the executable or shared object.
        tree: the liballocs tree.
        signatures: functions whose calls are allocation sites, for its tools to find.
        suballocators: those of them that carve up chunks of others.

    Raises:
        ToolError: the folder for them cannot be written to, or make failed.
    """
    path = os.path.realpath(output)
    base = _folder() + path
    log = f"{base}.makelog"
    try:
        os.makedirs(os.path.dirname(base), exist_ok=True)
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    except OSError as error:
        where = error.filename or log
        raise ToolError(
            f"no place for liballocs' metadata: {where}: {error.strerror}; set META_BASE to a folder"
        ) from error
    # -r: the output is a prerequisite, and make's own rules would make it anew from a newer source beside it
    command = [
        toolchain.find_program("make"), "-r", f"CC={_plain_compiler()}", "-C", os.path.join(tree, "tools"), "-f",
        "Makefile.meta", f"{base}.allocs", f"{base}-meta.so",
    ]  # fmt: skip
    try:
        os.write(descriptor, f"Running: {' '.join(command)}\n".encode("utf-8", "surrogateescape"))
        status = toolchain.wait_for(
            toolchain.start(command, _environment(tree, signatures, suballocators), descriptor, descriptor)
        )
        os.write(descriptor, f"Exit status was {status}\n".encode())
    except OSError as error:
        raise ToolError(f"liballocs' metadata: make cannot be run: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if status == 0 and not os.path.exists(f"{base}-meta.so"):
        raise ToolError(f"liballocs made no library of its metadata; the end of {log}:\n  {_end(log)}")
    if status != 0:
        raise ToolError(
            f"liballocs' metadata could not be made (make's status was {status}); the end of {log}:\n  {_end(log)}"
        )


def _environment(tree: str, signatures: dict[str, str], suballocators: Sequence[str]) -> dict[str, str]:
    """The environment of liballocs' makefile: without our hooks, and with all functions that its tools look for."""
    env = {name: value for name, value in toolchain.environment().items() if name not in _OF_MAKE}
    inner = [text for name, text in signatures.items() if name in suballocators]
    outer = [text for name, text in signatures.items() if name not in suballocators]
    return env | {
        "LIBALLOCS": tree,
        "META_BASE": _folder(),
        "LIBALLOCS_ALLOC_FNS": " ".join(outer),
        "LIBALLOCS_SUBALLOC_FNS": " ".join(inner),
        "LIBALLOCS_ALLOCSZ_FNS": "",
    }


def _folder() -> str:
    """Where all metadata are; make runs in another folder than the link."""
    return os.path.abspath(os.environ.get("META_BASE") or _DEFAULT_BASE)


def _plain_compiler() -> str:
    """A C compiler that is not us: the one behind this link, or where that is no gcc's, `gcc` or `cc`.

    What its tools write has inline assembly that clang's own assembler does not read.
    """
    from allocscc.backends.runtime import compiler

    found = compiler()
    if os.path.basename(found).startswith(("gcc", "cc")) or "-gcc" in os.path.basename(found):
        return found
    others = [toolchain.find_program(name) for name in ("gcc", "cc")]
    return next((path for path in others if os.path.isabs(path)), found)


def _end(log: str) -> str:
    text = toolchain.read_text(log).rstrip().splitlines()
    return "\n  ".join(text[-_TAIL:])
