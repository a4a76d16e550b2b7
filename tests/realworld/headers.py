"""Headers of Debian's packages, what they declare, and whether a signature of the config fits that."""

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from clang import cindex

from allocscc.config.signature import parse_signature

# Canonical types of the parameters, "..." last for a variadic function; canonical type of the result.
Declaration = tuple[list[str], str]
TIMEOUT = 300
# C's integers by what they are to a caller on LP64.
_WIDE = {"long", "unsigned long", "long long", "unsigned long long"}
_NARROW = {"int", "_Bool", "bool", "char", "signed char", "unsigned char", "short", "unsigned short"}
_CHAR_POINTER = re.compile(r"((un)?signed )?char \*")
_POINTER_TO_POINTER = re.compile(r".+\* ?\*|void \*")
_MEANING = {
    "z": "size_t", "a": "size_t", "l": "long", "i": "int", "u": "unsigned", "d": "double", "v": "void",
    "p": "a pointer", "s": "a pointer to char", "P*": "a pointer to a pointer",
}  # fmt: skip


def debian(name: str, folder: Path) -> Path:
    """Download and unpack a package of Debian; nothing is installed.

    Args:
        name: the package.
        folder: where the unpacked tree is made.

    Returns:
        The top of the tree, with `usr` in it. Skips the test if the package cannot be had.
    """
    top = folder / name
    if top.is_dir():
        return top
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        pytest.skip("needs apt-get and dpkg-deb")
    with tempfile.TemporaryDirectory(dir=folder) as downloads:
        error = _download(name, Path(downloads))
        if error and _update():  # no package lists yet, or lists of versions that the archive no longer has
            error = _download(name, Path(downloads))
        if error:
            pytest.skip(f"needs Debian's package {name}: {error}")
        archive = next(Path(downloads).glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(archive), str(top)], check=True, timeout=TIMEOUT)
    return top


def declarations(units: list[Path], includes: list[Path], defines: list[str]) -> dict[str, Declaration]:
    """Every function that source files and what they include declare.

    Args:
        units: C or C++ files; their suffix says which.
        includes: folders of headers, before the system's.
        defines: macros, `NAME` or `NAME=VALUE`.
    """
    options = [f"-D{macro}" for macro in defines]
    options += [option for include in includes for option in ("-I", str(include))]
    options += [option for include in _system_includes() for option in ("-isystem", include)]
    found: dict[str, Declaration] = {}
    for unit in units:
        # Bodies are read no further than needed: only the declarations count.
        parsed = cindex.Index.create().parse(
            str(unit), args=options, options=cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES
        )
        fatal = [str(told) for told in parsed.diagnostics if told.severity >= cindex.Diagnostic.Fatal]
        assert not fatal, f"{unit.name} cannot be parsed: {fatal[0]}"
        for function in _functions(parsed.cursor):
            kind = function.type.get_canonical()
            proto = kind.kind == cindex.TypeKind.FUNCTIONPROTO
            parameters = [_spelled(parameter) for parameter in kind.argument_types()] if proto else []
            if proto and kind.is_function_variadic():
                parameters.append("...")
            found[function.spelling] = (parameters, _spelled(kind.get_result()))
    return found


def mismatches(signature: str, declaration: Declaration) -> list[str]:
    """What a signature of the config says otherwise than the declaration of its function.

    Args:
        signature: as written in a pack.
        declaration: of the function, from `declarations`.

    Returns:
        A text for every difference; none if the signature fits.
    """
    parsed = parse_signature(signature)
    types, result = list(declaration[0]), declaration[1]
    letters = [letter for letter in parsed.args if letter != "."]
    variadic = "..." in types
    types = types[:-1] if variadic else types
    found = []
    if parsed.variadic != variadic:
        found.append(f"{parsed.name} is {'' if variadic else 'not '}variadic")
    if len(letters) != len(types):
        found.append(f"{parsed.name} has {len(types)} parameters ({', '.join(types)}), not {len(letters)}")
    for number, (letter, kind) in enumerate(zip(letters, types, strict=False), 1):
        letter = letter if letter == "P*" else letter.lower()
        if not _fits(letter, kind):
            found.append(f"parameter {number} of {parsed.name} is {kind}, not {_MEANING[letter]}")
    if not _fits(parsed.ret, result):
        found.append(f"the result of {parsed.name} is {result}, not {_MEANING[parsed.ret]}")
    return found


def _fits(letter: str, kind: str) -> bool:
    """Whether a C type is of the class that a letter stands for."""
    plain = re.sub(r"\b(const|volatile|restrict|__restrict) ?", "", kind).strip()
    pointer = plain.endswith(("*", "]")) or "(*" in plain
    if letter in ("z", "a", "l"):
        return plain in _WIDE
    if letter == "i":
        return plain in _NARROW or plain.startswith("enum ")
    if letter == "u":
        return plain == "unsigned int" or plain.startswith("enum ")
    if letter == "s":
        return _CHAR_POINTER.fullmatch(plain) is not None
    if letter == "P*":
        return _POINTER_TO_POINTER.fullmatch(plain) is not None
    if letter == "p":
        return pointer
    return plain == {"d": "double", "v": "void"}[letter]


def _spelled(kind: cindex.Type) -> str:
    """A canonical type; an enumeration as wide as an `int` keeps its name, a wider one is the integer that it is."""
    if kind.kind != cindex.TypeKind.ENUM:
        return str(kind.spelling)
    name = str(kind.spelling).removeprefix("enum ")
    return f"enum {name}" if kind.get_size() <= 4 else str(kind.get_declaration().enum_type.get_canonical().spelling)


def _functions(cursor: cindex.Cursor) -> Iterator[cindex.Cursor]:
    """Functions at file level, those in `extern "C" {}` among them."""
    for child in cursor.get_children():
        if child.kind == cindex.CursorKind.FUNCTION_DECL:
            yield child
        elif child.kind in (cindex.CursorKind.LINKAGE_SPEC, cindex.CursorKind.UNEXPOSED_DECL):
            yield from _functions(child)


@functools.cache
def _system_includes() -> list[str]:
    """The system's headers, with those that belong to the compiler: libclang comes without any."""
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("needs gcc for the compiler's own headers")

    def told(option: str) -> str:
        return subprocess.run([compiler, option], check=True, capture_output=True, text=True).stdout.strip()

    return [told("-print-file-name=include"), f"/usr/include/{told('-print-multiarch')}", "/usr/include"]


def _download(name: str, folder: Path) -> str:
    """Download a package; gives what went wrong."""
    # apt's own user may not write into the folders of tests.
    done = _apt(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1", "download", name], folder)
    if done.returncode == 0 and any(folder.glob("*.deb")):
        return ""
    lines = done.stderr.strip().splitlines() or ["no package came"]
    return next((line for line in lines if line.startswith("E: ")), lines[-1])


@functools.cache
def _update() -> bool:
    """Fetch the package lists, once per run; whether that worked."""
    return _apt(["-o", "Acquire::Retries=1", "update"], Path()).returncode == 0


def _apt(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "-q", *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer from the archive within {TIMEOUT} s")
