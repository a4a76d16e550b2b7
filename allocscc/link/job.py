"""A linker's command line, read for its inputs and its kind of output; never reordered, only inserted into."""

import os

from allocscc.elf import archive
from allocscc.elf.object import ET_DYN, ET_REL

EXECUTABLE, SHARED, RELOCATABLE = "executable", "shared", "relocatable"
OBJECT, ARCHIVE, DSO, OTHER = "object", "archive", "dso", "other"

# Options of GNU ld, gold, lld and mold whose next word is their argument (their manuals, "Options").
_WITH_ARGUMENT = {
    "-o", "--output", "-m", "-T", "--script", "-dT", "--default-script", "-L", "--library-path", "-h", "-soname",
    "--soname", "-rpath", "--rpath", "-rpath-link", "--rpath-link", "-z", "-u", "--undefined", "-e", "--entry", "-y",
    "-Y", "-a", "-A", "-b", "--format", "-c", "-F", "--filter", "-f", "--auxiliary", "-G", "--gpsize", "-I",
    "-dynamic-linker", "--dynamic-linker", "-plugin", "--plugin", "-plugin-opt", "--plugin-opt", "-init", "-fini",
    "-Map", "--Map", "-R", "--just-symbols", "--defsym", "-defsym", "--wrap", "-wrap", "--version-script",
    "--dynamic-list", "--section-start", "-Ttext", "-Tdata", "-Tbss", "--oformat", "-O", "-assert", "--exclude-libs",
    "--hash-style", "--sort-section", "--retain-symbols-file", "--export-dynamic-symbol",
}  # fmt: skip
# The compiler's own support code (gccint, "Libgcc"): it has no user's wrapper, and 3 MB to look through.
_SUPPORT_LIBRARIES = {"gcc", "gcc_eh", "gcc_s"}
# libiberty's ISSPACE knows no others; a no-break space is part of a name.
_BLANKS = r" \t\n\v\f\r"
_WORD = rf"(?:\\.|'(?:\\.|[^'\\])*'?|\"(?:\\.|[^\"\\])*\"?|[^{_BLANKS}'\"\\])+"
_FILE_TYPE, _REGULAR = 0o170000, 0o100000  # st_mode (inode(7)); the module `stat` is an import more
_SMALL = 65536  # bytes that are read without asking for the size
_STATIC = {"-static", "-Bstatic", "-dn", "-non_shared"}
_DYNAMIC = {"-Bdynamic", "-dy", "-call_shared"}


class Input:
    """One input file: its path, its kind (by magic, not by name), the index of its argument."""

    __slots__ = ("index", "kind", "path", "word")

    def __init__(self, path: str, kind: str, index: int, word: str) -> None:
        self.path, self.kind, self.index, self.word = path, kind, index, word


class LinkJob:
    """What a command line asks of the linker.

    Attributes:
        args: the arguments, response files expanded.
        expanded: whether there was a response file.
        output: path of the output.
        mode: `EXECUTABLE`, `SHARED` or `RELOCATABLE`.
        static: whether no shared library may take part (`-static`, `-static-pie`).
        emulation: argument of `-m`, or "".
        gc_sections: whether `--gc-sections` is on.
        inputs: files, in order; none if there is a pipe among them, which can be read only once: by the linker.
        libraries: what `-l` named, in order, found or not.
        linker: path of the real linker, or "" where there is none to ask.
        libc_at: index of the last `-lc` argument, or -1: a link without libc gets no runtime.
        wrapped: symbols that the user wraps.
    """

    __slots__ = (
        "args", "emulation", "expanded", "gc_sections", "inputs", "libc_at", "libraries", "linker", "mode", "output",
        "static", "wrapped",
    )  # fmt: skip

    def __init__(self, argv: list[str], cwd: str, linker: str = "") -> None:
        self.args, self.linker = expand_response_files(argv, cwd), linker
        self.expanded = self.args != argv
        self.output, self.mode, self.emulation = "a.out", EXECUTABLE, ""
        self.static = self.gc_sections = False
        self.inputs: list[Input] = []
        self.libraries: list[str] = []
        self.wrapped: set[str] = set()
        self.libc_at = -1
        self._read(cwd)

    def _read(self, cwd: str) -> None:
        folders = _library_folders(self.args, cwd)
        static_now = has_pipe = False
        index = 0
        while index < len(self.args):
            word = self.args[index]
            argument = self.args[index + 1] if index + 1 < len(self.args) else ""
            if word in ("-o", "--output"):
                self.output = argument
            elif word == "-m":
                self.emulation = argument
            elif word in ("-shared", "--shared", "-Bshareable"):
                self.mode = SHARED
            elif word in ("-r", "--relocatable", "-i", "-Ur"):
                self.mode = RELOCATABLE
            elif word in ("-static", "-no-dynamic-linker", "--no-dynamic-linker"):
                self.static = True
            elif word in ("--gc-sections", "-gc-sections"):
                self.gc_sections = True
            elif word in ("--no-gc-sections", "-no-gc-sections"):
                self.gc_sections = False
            elif word.startswith("--output="):
                self.output = word[9:]
            elif word in ("--wrap", "-wrap"):
                self.wrapped.add(argument)
            elif word.startswith(("--wrap=", "-wrap=")):
                self.wrapped.add(word.split("=", 1)[1])
            if word in _STATIC:
                static_now = True
            elif word in _DYNAMIC:
                static_now = False
            if word in ("-l", "--library"):
                self._library(argument, index, word, folders, static_now)
                index += 1
            elif word in _WITH_ARGUMENT:
                index += 1
            elif word.startswith("-l"):
                self._library(word[2:], index, word, folders, static_now)
            elif word.startswith("--library="):
                self._library(word[10:], index, word, folders, static_now)
            elif not word.startswith("-"):
                path = os.path.join(cwd, word)
                kind = file_kind(path)
                if kind:
                    self.inputs.append(Input(path, kind, index, word))
                elif os.path.exists(path) and not os.path.isdir(path) and not os.path.isfile(path):
                    has_pipe = True
            index += 1
        if has_pipe:
            self.inputs = []

    def _library(self, name: str, index: int, word: str, folders: list[str], static_now: bool) -> None:
        self.libraries.append(name)
        if name in _SUPPORT_LIBRARIES:
            return
        if name == "c":
            self.libc_at = index
        names = [name[1:]] if name.startswith(":") else [f"lib{name}.so", f"lib{name}.a"]
        for folder in folders:
            for candidate in names[1:] if static_now and len(names) > 1 else names:
                path = os.path.join(folder, candidate)
                kind = file_kind(path)
                if kind:
                    self.inputs.append(Input(path, kind, index, word))
                    return


def file_kind(path: str) -> str:
    """What a file is, by its first bytes; "" if it is no regular file, or cannot be read."""
    try:
        if os.stat(path).st_mode & _FILE_TYPE != _REGULAR:  # what is read of a pipe, the linker misses
            return ""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a large link has thousands of them
    except (OSError, ValueError):
        return ""
    try:
        head = os.read(descriptor, 20)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    if head.startswith((archive.MAGIC, archive.THIN_MAGIC)):
        return ARCHIVE
    if head.startswith(b"\x7fELF") and len(head) >= 18:
        kind = int.from_bytes(head[16:18], "little")
        return {ET_REL: OBJECT, ET_DYN: DSO}.get(kind, OTHER)
    return OTHER


def read_file(path: str) -> bytes:
    """A file's contents, with less ado than `open` makes.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _SMALL)
        if len(data) < _SMALL:
            return data
        size = os.fstat(descriptor).st_size
        pieces = [data]
        while piece := os.read(descriptor, max(size, _SMALL)):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def expand_response_files(argv: list[str], cwd: str, depth: int = 0) -> list[str]:
    """Replace each `@file` that can be read by the words in it, as libiberty's `expandargv` does; also nested."""
    words: list[str] = []
    for word in argv:
        text = _response_text(word, cwd) if word.startswith("@") and depth < 20 else None
        if text is None:
            words.append(word)
        else:
            words += expand_response_files(split_response(text), cwd, depth + 1)
    return words


def _response_text(word: str, cwd: str) -> str | None:
    path = os.path.join(cwd, word[1:])
    try:
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def split_response(text: str) -> list[str]:
    """The words of a response file under GNU quoting: quotes group, a backslash takes the next character as it is."""
    import re  # 9 ms that a link without a response file does not pay

    words: list[str] = []
    for match in re.finditer(_WORD, text, re.S):
        words.append(_unquote(match[0]))
    return words


def _unquote(word: str) -> str:
    if "\\" not in word and "'" not in word and '"' not in word:
        return word
    out, quote, at = [], "", 0
    while at < len(word):
        char = word[at]
        if char == "\\" and at + 1 < len(word):
            at += 1
            out.append(word[at])
        elif quote:
            if char == quote:
                quote = ""
            else:
                out.append(char)
        elif char in "'\"":
            quote = char
        else:
            out.append(char)
        at += 1
    return "".join(out)


def quote_response(words: list[str]) -> str:
    """A response file's text that `split_response` reads back as the same words."""
    import re

    return "".join(re.sub(rf"([{_BLANKS}'\"\\])", r"\\\1", word) + "\n" if word else "''\n" for word in words)


def _library_folders(args: list[str], cwd: str) -> list[str]:
    folders = []
    for index, word in enumerate(args):
        if word in ("-L", "--library-path") and index + 1 < len(args):
            folders.append(os.path.join(cwd, args[index + 1]))
        elif word.startswith("-L") and len(word) > 2:
            folders.append(os.path.join(cwd, word[2:]))
        elif word.startswith("--library-path="):
            folders.append(os.path.join(cwd, word[15:]))
    return folders
