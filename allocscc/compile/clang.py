"""What clang does in one process, asked for again: our hook is its assembler and sees none of its options."""

import os

from allocscc import toolchain
from allocscc.compile.unit import Preprocessed

_WITH_ARGUMENT = ("-o", "-MF", "-MT", "-MQ")
_DROPPED = ("-c", "-S", "-MD", "-MMD", "-MP")
_NOT_SOURCES = (".o", ".s", ".a", ".so")
_PLUS_PLUS = (".cc", ".cpp", ".cxx", ".C", ".c++")


def driver_command(assembly: str) -> tuple[str, list[str]] | None:
    """The source that clang made this assembly file from, and the driver's own arguments.

    They are read from the process that runs us (`/proc/PPID/cmdline`). clang names its temporary after the source
    (`/tmp/foo-1a2b3c.s`); None if that leaves a doubt.
    """
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
            words = [word.decode("utf-8", "surrogateescape") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return None
    stem = os.path.basename(assembly).rsplit("-", 1)[0]
    sources = {
        word
        for word in words[1:]
        if not word.startswith("-")
        and os.path.splitext(os.path.basename(word))[0] == stem
        and not word.endswith(_NOT_SOURCES)
        and os.path.isfile(word)
    }
    return (sources.pop(), words) if len(sources) == 1 else None


def preprocess(source: str, driver: list[str], folder: str) -> Preprocessed | None:
    """Have clang preprocess one source with the driver's options, into `folder`."""
    path = os.path.join(folder, "unit.i")
    kept = []
    words = iter(driver[1:])
    for word in words:
        if word in _WITH_ARGUMENT:
            next(words, "")
        elif word not in _DROPPED and (word == source or word.startswith("-") or not os.path.isfile(word)):
            kept.append(word)
    if toolchain.spawn([driver[0], *kept, "-E", "-w", "-o", path], toolchain.environment(), quiet=True) != 0:
        return None
    plus = "++" in os.path.basename(driver[0]) or os.path.splitext(source)[1] in _PLUS_PLUS
    standard = [word for word in kept if word.startswith("-std=")][-1:]
    return Preprocessed(path, "c++" if plus else "c", standard)
