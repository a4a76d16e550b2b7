"""What a link for liballocs gets (LIBALLOCS-ABI.md, "What its link adds"), in the linker's own spelling."""

from __future__ import annotations

import os

from allocscc import toolchain
from allocscc.backends.interface import Additions, Link
from allocscc.elf.object import SHT_SYMTAB, ElfObject
from allocscc.errors import FormatError, ToolError
from allocscc.places import cache_folder

_RELOCATIONS = ("-q", "--emit-relocs", "-emit-relocs")
_EXPORTS = ("-E", "--export-dynamic", "-export-dynamic")
# References to a type's description, which `tools/usedtypes` makes.
_TYPE = b"\0__uniqtype_"
_MOST = 200  # compiled descriptions that the cache keeps


def link_additions(link: Link, tree: str, headers: list[str]) -> Additions:
    """The additions to a link.

    Args:
        link: the link.
        tree: the liballocs tree.
        headers: options by which a compiler finds its headers.

    Raises:
        ToolError: one of its files is missing, or one of its tools failed.
    """
    library = os.path.join(tree, "lib")
    options = [] if set(link.args) & {*_EXPORTS} else ["--export-dynamic"]
    if not set(link.args) & {*_RELOCATIONS} and _keeps_relocations(link):
        options.append("-q")
    if not any(word.lstrip("-").startswith("build-id") for word in link.args):
        options.append("--build-id")  # its tools name the library with the metadata by it; clang asks for none
    options.append(f"-L{library}")
    words, late = _used_types(link, tree, headers), list[str]()
    words.append(_file(os.path.join(tree, "tools", "libroottypes.a")))
    if not link.static and not link.shared:
        pad = _file(os.path.join(library, "interp-pad.o"))
        # It must be the very text of the object, so that the linker makes one string of the two.
        late += ["-dynamic-linker", _interpreter(pad)]
        words.append(pad)
    if not link.static:
        options += ["-rpath", library]
    preloads = os.environ.get("LIBALLOCS_USE_PRELOAD") != "no"
    if link.static:
        words.append(_file(os.path.join(library, "liballocs.a")) if preloads else "-lallocs")
    else:
        words += ["--push-state", "--no-as-needed", "-lallocs_dummyweaks" if preloads else "-lallocs", "--pop-state"]
    words.append("-ldl")
    return Additions(words, options, late)


def _keeps_relocations(link: Link) -> bool:
    """Whether the linker can keep relocations: gold's --gc-sections crashes with them (2.40, "internal error")."""
    if not link.gc_sections:
        return True
    return not toolchain.run([link.linker, "--version"]).startswith("GNU gold")


def _file(path: str) -> str:
    if not os.path.isfile(path):
        raise ToolError(f"the liballocs tree has no {path}; is it built?")
    return path


def _interpreter(pad: str) -> str:
    """The dynamic linker that an interp-pad names."""
    with open(pad, "rb") as file:
        elf = ElfObject(file.read(), pad)
    texts = [elf.contents(section) for section in elf.sections if section.name == b".interp"]
    if not texts:
        raise ToolError(f"{pad}: it names no dynamic linker (section .interp)")
    return texts[0].split(b"\0")[0].decode("utf-8", "surrogateescape")


def _used_types(link: Link, tree: str, headers: list[str]) -> list[str]:
    """The object with the descriptions of types that the program's own objects refer to, if any does."""
    users = [path for path in link.objects if _uses_types(path)]
    if not users:
        return []
    text = toolchain.run([_file(os.path.join(tree, "tools", "usedtypes")), *users])
    return [_compiled(text, headers)]


def _uses_types(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            elf = ElfObject(file.read(), path)
        table = elf.table(SHT_SYMTAB)
        return table is not None and _TYPE in elf.strings(table)
    except (OSError, FormatError):
        return False


def _compiled(text: str, headers: list[str]) -> str:
    """The object of a generated C file, from the cache if it is there."""
    from allocscc.backends.runtime import compile_c, compiler
    from allocscc.cache import tidy
    from allocscc.digest import digest

    key = digest(repr((text, headers, compiler())).encode("utf-8", "surrogateescape"))
    folder = os.path.join(cache_folder(dict(os.environ)), "usedtypes")
    path = os.path.join(folder, f"{key}.o")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    source, made = os.path.join(folder, f"{key}.{os.getpid()}.c"), os.path.join(folder, f"{key}.{os.getpid()}.o")
    try:
        with open(source, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        compile_c(source, made, (*headers, "-gdwarf-4", "-std=gnu11", "-fvisibility=default"))
        os.replace(made, path)
        tidy(folder, _MOST)
    finally:
        for leftover in (source, made):
            if os.path.exists(leftover):
                os.unlink(leftover)
    return path
