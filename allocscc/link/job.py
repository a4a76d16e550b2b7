"""A linker's command line, read for its inputs and its kind of output; never reordered, only inserted into."""

import os

from allocscc.elf import archive
from allocscc.elf.object import ET_DYN, ET_REL
from allocscc.link.response import expand_response_files

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
    "--hash-style", "--dependency-file", "--sort-section", "--retain-symbols-file", "--export-dynamic-symbol",
}  # fmt: skip
# The compiler's own support code (gccint, "Libgcc"): it has no user's wrapper, and 3 MB to look through.
_SUPPORT_LIBRARIES = {"gcc", "gcc_eh", "gcc_s"}
_FILE_TYPE, _REGULAR = 0o170000, 0o100000  # st_mode (inode(7)); the module `stat` is an import more
_SMALL = 65536  # bytes that are read without asking for the size
_STATIC = {"-static", "-Bstatic", "-dn", "-non_shared"}
_DYNAMIC = {"-Bdynamic", "-dy", "-call_shared"}


class Input:
    """One input file: its path, its kind, the index of its argument.

    The kind is by magic, not by name, but for `.o`: the survey corrects those.
    """

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
        defined: symbols that the user's `--defsym` speaks of, on either side.
        dependency_file: where the linker is to list its inputs, or "".
    """

    __slots__ = (
        "_folders", "args", "defined", "dependency_file", "emulation", "expanded", "gc_sections", "inputs", "libc_at",
        "libraries", "linker", "mode", "output", "static", "wrapped",
    )  # fmt: skip

    def __init__(self, argv: list[str], cwd: str, linker: str = "") -> None:
        self.args, self.linker = expand_response_files(argv, cwd), linker
        self.expanded = self.args != argv
        self.output, self.mode, self.emulation = "a.out", EXECUTABLE, ""
        self.static = self.gc_sections = False
        self.inputs: list[Input] = []
        self.libraries: list[str] = []
        self.wrapped: set[str] = set()
        self.defined: set[str] = set()
        self.dependency_file = ""
        self.libc_at = -1
        self._folders = _library_folders(self.args, cwd)
        self._expand_scripts(cwd)
        self._read(cwd)

    def _expand_scripts(self, cwd: str) -> None:
        """Put the words of linker scripts that bring archives or objects in their places; libc's own stays one."""
        static_now = False
        index = 0
        while index < len(self.args):
            word = self.args[index]
            if word[:1] != "-" and word.endswith((".o", ".a")):
                index += 1
                continue
            static_now = (static_now or word in _STATIC) and word not in _DYNAMIC
            width = 2 if word in _WITH_ARGUMENT or word in ("-l", "--library") else 1
            name = library_name(word, self.args[index + 1 : index + 2])
            path, kind = "", ""
            if name not in ("", "c", *_SUPPORT_LIBRARIES):
                path, kind = self.find(name, static_now)
            elif not word.startswith("-"):
                path = os.path.join(cwd, word)
                kind = file_kind(path)
            words = self._script(path, static_now) if kind == OTHER and os.path.isfile(path) else None
            if words:
                self.args[index : index + width] = words
                self.expanded = True
                width = len(words)
            index += width

    def _script(self, path: str, static_now: bool) -> list[str] | None:
        """The words that a script stands for, if it brings archives or objects; files that are found by their paths."""
        try:
            text = read_file(path)
        except OSError:
            return None
        if not (b".a" in text or b"-l" in text or b".o" in text.replace(b".so", b"")):  # most bring none, like libm.so
            return None
        from allocscc.link.script import script_words

        words = script_words(text)
        found, brings = [], False
        for word in words or ():
            name = library_name(word, [])
            if name:
                kind = "" if name in ("c", *_SUPPORT_LIBRARIES) else self.find(name, static_now)[1]
            elif word.startswith("-"):
                kind = ""
            else:
                beside = os.path.join(os.path.dirname(path), word)
                word = next((p for p in (word, beside) if os.path.exists(p)), word)
                kind = file_kind(word)
            brings = brings or kind in (OBJECT, ARCHIVE)
            found.append(word)
        return found if brings else None

    def _read(self, cwd: str) -> None:
        static_now = has_pipe = False
        index = 0
        while index < len(self.args):
            word = self.args[index]
            if word[:1] != "-":
                has_pipe = self._file(word, index, cwd) or has_pipe
                index += 1
                continue
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
            elif word in ("--defsym", "-defsym"):
                self.defined.update(argument.split("="))
            elif word.startswith(("--defsym=", "-defsym=")):
                self.defined.update(word.split("=")[1:])
            elif word in ("--dependency-file", "-dependency-file"):
                self.dependency_file = argument
            elif word.startswith(("--dependency-file=", "-dependency-file=")):
                self.dependency_file = word.split("=", 1)[1]
            elif word in ("--wrap", "-wrap"):
                self.wrapped.add(argument)
            elif word.startswith(("--wrap=", "-wrap=")):
                self.wrapped.add(word.split("=", 1)[1])
            if word in _STATIC:
                static_now = True
            elif word in _DYNAMIC:
                static_now = False
            name = library_name(word, [argument])
            if name:
                self._library(name, index, word, static_now)
            if word in _WITH_ARGUMENT or word in ("-l", "--library"):
                index += 1
            index += 1
        if has_pipe:
            self.inputs = []

    def _file(self, word: str, index: int, cwd: str) -> bool:
        """Take a word as a file's path; whether it is a pipe's or the like."""
        path = os.path.join(cwd, word)
        kind = file_kind(path, by_name=True)
        if kind:
            self.inputs.append(Input(path, kind, index, word))
        return not kind and os.path.exists(path) and not os.path.isdir(path) and not os.path.isfile(path)

    def _library(self, name: str, index: int, word: str, static_now: bool) -> None:
        self.libraries.append(name)
        if name in _SUPPORT_LIBRARIES:
            return
        if name == "c":
            self.libc_at = index
        path, kind = self.find(name, static_now)
        if kind:
            self.inputs.append(Input(path, kind, index, word))

    def find(self, name: str, static_now: bool) -> tuple[str, str]:
        """Path and kind of what `-l` and a name stand for; "" twice if there is none."""
        names = [name[1:]] if name.startswith(":") else [f"lib{name}.so", f"lib{name}.a"]
        for folder in self._folders:
            for candidate in names[1:] if static_now and len(names) > 1 else names:
                path = os.path.join(folder, candidate)
                kind = file_kind(path)
                if kind:
                    return path, kind
        return "", ""


def library_name(word: str, following: list[str]) -> str:
    """The name behind `-l` or `--library` in any of their spellings; "" if the word is none of these."""
    if word in ("-l", "--library"):
        return following[0] if following else ""
    if word.startswith("--library="):
        return word[10:]
    return word[2:] if word.startswith("-l") else ""


def file_kind(path: str, *, by_name: bool = False) -> str:
    """What a file is, by its first bytes; "" if it is no regular file, or cannot be read.

    Args:
        path: the file.
        by_name: whether the ending `.o` may speak for an object, so that a large link reads it but once.
    """
    try:
        if os.stat(path).st_mode & _FILE_TYPE != _REGULAR:  # what is read of a pipe, the linker misses
            return ""
        if by_name and path.endswith(".o"):
            return OBJECT
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return ""
    try:
        head = os.read(descriptor, 20)
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return kind_of(head)


def kind_of(head: bytes) -> str:
    """What a file is whose first bytes these are."""
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
