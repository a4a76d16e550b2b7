"""Where what a verb says goes: a stream with its width and colours, a file that is written in one step."""

import json
import os
import shutil
import sys
from typing import TextIO

from allocscc.errors import UsageError

_OURS = (b'{"allocscc_profile"', b'{"allocscc_leaks"')


def terminal(stream: TextIO) -> tuple[int | None, bool]:
    """The width of the terminal that a stream leads to, in columns, and whether it shows colours; None: it is none."""
    if not stream.isatty():
        return None, False
    width = shutil.get_terminal_size().columns
    return max(width, 40), not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(value: object, stream: TextIO | None = None) -> None:
    """Print a value as JSON with a final newline."""
    out = stream or sys.stdout
    json.dump(value, out, indent=1)
    out.write("\n")


def write_output(path: str, data: str | bytes) -> None:
    """Write a file that is there as a whole or not at all; `-` is standard output. Pipes and devices are written to.

    Raises:
        UsageError: the file is a profile, which no export is meant to replace; or binary data would go to a terminal.
        OSError: it cannot be written.
    """
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if path == "-":
        if isinstance(data, bytes) and sys.stdout.isatty():
            raise UsageError("this format is binary: name a file for it, or send it into one")
        sys.stdout.flush()
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe, /dev/stdout
        with open(path, "wb") as file:
            file.write(raw)
        return
    if _is_profile(path):
        raise UsageError(f"{path}: this is a profile and would be overwritten; name another file for the export")
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _is_profile(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(32).startswith(_OURS)
    except FileNotFoundError:
        return False
