"""The embedded runtime as files for the linker, built on first use and cached by content identity."""

from __future__ import annotations

import os

from allocscc import toolchain
from allocscc.config.roles import hash_text
from allocscc.places import cache_folder, data_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS = (
    "-std=gnu11", "-O2", "-fPIC", "-fvisibility=hidden", "-fomit-frame-pointer", "-fno-lto",
    "-fno-sanitize=all", "-fno-builtin", "-w",
)  # fmt: skip


# The runtime as an object of its own, for programs that were not built by us.
_PRELOADED = ("-DRT_PRELOADED",)
_PRELOAD_NAME = "liballocsrt.so"

# Functions by which one library of a process is known from all others: libstdc++ (or libc++abi), and other mallocs.
KEEPABLE = ("_ZSt9terminatev", "mallctl", "tc_version", "mi_version")
# Beside families: what the runtime's file for C++'s operators is called.
OPERATORS = "operators"
# Through whose frames exceptions pass.
_THROWING = {"operators.c": ("-fexceptions",)}

# Programs that run the compiler behind them.
CACHES = ("ccache", "sccache", "distcc", "icecc")
_FORMAT = 6  # of the folder that a runtime is built into


class Runtime:
    """Paths of the built runtime.

    Attributes:
        archive: `liballocsrt.a`, for executables.
        interposers: `liballocsinterpose.a`, for those in which the runtime interposes a family.
        register: the object that tells the runtime of an output's sites.
        register_for_mold: the same for mold with `--gc-sections`.
        exports: a dynamic list with the symbols that shared objects look for in the executable.
        interposed: a list of what the interposers define: `FILE NAME global` or `FILE NAME weak`, one a line.
    """

    __slots__ = ("archive", "exports", "interposed", "interposers", "register", "register_for_mold")

    def __init__(self, folder: str) -> None:
        self.archive = os.path.join(folder, "liballocsrt.a")
        self.interposers = os.path.join(folder, "liballocsinterpose.a")
        self.register = os.path.join(folder, "site.o")
        self.register_for_mold = os.path.join(folder, "site-mold.o")
        self.exports = os.path.join(folder, "exports.list")
        self.interposed = os.path.join(folder, "interposed.list")


class Interposed:
    """What the runtime can interpose.

    Attributes:
        names: all functions.
        operators: of these, C++'s of which no other definition may be in the link.
    """

    __slots__ = ("names", "operators")

    def __init__(self, names: set[str], operators: set[str]) -> None:
        self.names, self.operators = names, operators


def interposed_functions() -> Interposed:
    """The functions that the runtime's own files define.

    Raises:
        ToolError, OSError: see `ensure_runtime`.
    """
    with open(ensure_runtime().interposed, encoding="ascii") as file:
        rows = [line.split() for line in file]
    strong = {name for stem, name, binding in rows if stem == OPERATORS and binding == "global"}
    return Interposed({name for _, name, _ in rows}, strong)


def interposable() -> frozenset[str]:
    """Families whose entry points the runtime can interpose: one source file each, named as the family."""
    folder = os.path.join(data_folder("stubgen"), "runtime", "interpose")
    return frozenset(os.path.splitext(name)[0] for name in os.listdir(folder) if name.endswith(".c"))


def compiler() -> str:
    """The compiler driver that this link belongs to: the user's own, since it may be a script that says which libc.

    Behind a cache it is what gcc names itself to collect2.
    """
    driver = os.environ.get("ALLOCSCC_REAL", "")
    if not driver or os.path.basename(driver) in CACHES:
        driver = os.environ.get("COLLECT_GCC") or driver or "gcc"
    return driver if "/" in driver else toolchain.find_program(driver)


def binary_tool(name: str) -> str:
    """The path of `ar` and the like; a cross compiler's has the compiler's prefix (`aarch64-linux-gnu-gcc`)."""
    base = os.path.basename(compiler())
    for word in ("gcc", "g++", "clang", "cc", "c++"):
        prefix, found, _ = base.rpartition(f"-{word}")
        path = toolchain.find_program(f"{prefix}-{name}") if found and prefix else ""
        if "/" in path:
            return path
    return toolchain.find_program(name)


def compile_c(source: str, output: str, extra: tuple[str, ...] = ()) -> None:
    """Compile one of our C files.

    Raises:
        ToolError: the compiler failed; the message has its output.
    """
    words = [compiler(), *_FLAGS, *extra, "-x", "c", "-c", source, "-o", output]
    toolchain.run(words)


def ensure_runtime() -> Runtime:
    """The runtime for this compiler, built now if it is not in the cache.

    Raises:
        ToolError: it could not be built.
        OSError: there is no place to put it.
    """
    sources = _sources("", "interpose", "keep")
    return Runtime(_ensure("runtime", sources, _build_runtime))


def ensure_preload() -> str:
    """The path of the runtime for LD_PRELOAD, built now if it is not in the cache: `liballocsrt.so`.

    It has to come first in LD_PRELOAD. In a program of ours, or with a sanitizer, it stands aside (docs/malloc.md).

    Raises:
        ToolError: it could not be built.
        OSError: there is no place to put it.
    """
    return os.path.join(_ensure("preload", _sources("", "interpose", "preload"), _build_preload), _PRELOAD_NAME)


def _sources(*folders: str) -> list[str]:
    top = data_folder("stubgen")
    found = [os.path.join(top, name) for name in sorted(os.listdir(top)) if name.endswith(".h")]
    for folder in (os.path.join(top, "runtime", name) for name in folders):
        found += [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith((".c", ".h"))]
    return found


def _ensure(kind: str, sources: list[str], build: Callable[[str, list[str]], None]) -> str:
    """A folder of the cache with what is built from these sources by this compiler.

    It is built beside the final place and moved there in one step: parallel links may build at once, one wins.
    """
    identity = [(path, status.st_size, status.st_mtime_ns) for path, status in ((p, os.stat(p)) for p in sources)]
    driver = os.path.realpath(compiler())
    key = hash_text(repr((_FORMAT, identity, driver, os.stat(driver).st_mtime_ns, _FLAGS)))
    folder = os.path.join(cache_folder(dict(os.environ)), kind, f"{key:016x}")
    if os.path.isdir(folder):
        return folder
    import shutil  # with its compression modules 25 ms: only who builds pays

    temporary = f"{folder}.{os.getpid()}.tmp"
    os.makedirs(temporary, exist_ok=True)
    try:
        build(temporary, [source for source in sources if source.endswith(".c")])
        try:
            os.rename(temporary, folder)
        except OSError:
            if not os.path.isdir(folder):
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _build_runtime(folder: str, sources: list[str]) -> None:
    runtime = Runtime(folder)
    objects, interposers = list[str](), list[str]()
    keeper = next(source for source in sources if os.path.basename(source) == "keep.c")
    sources.remove(keeper)
    work = [(source, _object(folder, source), _own_flags(source)) for source in sources]
    for source, path, _ in list(work):
        if os.path.basename(source) == "site.c":
            work.append((source, runtime.register_for_mold, ("-DFOR_MOLD",)))
        else:
            into = interposers if os.path.basename(os.path.dirname(source)) == "interpose" else objects
            into.append(path)
    keepers = [os.path.join(folder, f"keep-{name}.o") for name in KEEPABLE]
    work += [(keeper, path, (f"-DKEPT={name}",)) for name, path in zip(KEEPABLE, keepers, strict=True)]
    _compile_all(work)
    _hide(folder, objects, interposers)
    toolchain.run([binary_tool("ar"), "rcs", runtime.archive, *objects])
    toolchain.run([binary_tool("ar"), "rcs", runtime.interposers, *interposers, *keepers])
    with open(runtime.exports, "w", encoding="ascii") as file:
        file.write("{\n" + "".join(f"  {name};\n" for name in _exports(objects)) + "};\n")
    with open(runtime.interposed, "w", encoding="ascii") as file:
        for path in interposers:
            stem = os.path.splitext(os.path.basename(path))[0]
            file.writelines(f"{stem} {name} {binding}\n" for name, binding in sorted(_visible(path).items()))


def _build_preload(folder: str, sources: list[str]) -> None:
    wanted = [source for source in sources if os.path.basename(source) != "site.c"]
    work = [(one, _object(folder, one), (*_PRELOADED, *_own_flags(one))) for one in wanted]
    objects = [path for _, path, _ in work]
    _compile_all(work)
    words = ("-shared", "-Wl,-z,now", f"-Wl,-soname,{_PRELOAD_NAME}", "-Wl,--no-undefined", "-w")
    libraries = ("-ldl", "-lpthread")  # of their own before glibc 2.34
    toolchain.run([compiler(), *words, "-o", os.path.join(folder, _PRELOAD_NAME), *objects, *libraries])
    for path in objects:
        os.unlink(path)


def _compile_all(work: list[tuple[str, str, tuple[str, ...]]]) -> None:
    from functools import partial

    import plumbum  # noqa: F401  # before the fork: once instead of in every child

    if not toolchain.in_parallel(partial(compile_c, *one) for one in work):
        for one in work:  # whoever fails says so here
            compile_c(*one)


def _hide(folder: str, objects: list[str], interposers: list[str]) -> None:
    """Give what the runtime's files share names that no program has: within one link, hidden symbols clash, too."""
    from allocscc.elf.object import SHT_SYMTAB, STB_LOCAL, STV_HIDDEN, ElfObject

    renamed = set()
    for path in (*objects, *interposers):
        with open(path, "rb") as file:
            elf = ElfObject(file.read(), path)
        table = elf.table(SHT_SYMTAB)
        names = set(elf.definitions())
        for symbol in elf.symbols(table, names) if table else ():
            if symbol.defined and symbol.binding != STB_LOCAL and symbol.visibility == STV_HIDDEN:
                renamed.add(symbol.name.decode())
    renamed = {name for name in renamed if not name.startswith("__allocs_")}  # what the link phase asks for
    listed = os.path.join(folder, "renamed")
    with open(listed, "w", encoding="ascii") as file:
        file.writelines(f"{name} __allocs_rt_{name}\n" for name in sorted(renamed))
    for path in (*objects, *interposers):
        toolchain.run([binary_tool("objcopy"), f"--redefine-syms={listed}", path])


def _own_flags(source: str) -> tuple[str, ...]:
    return _THROWING.get(os.path.basename(source), ())


def _object(folder: str, source: str) -> str:
    return os.path.join(folder, os.path.basename(source)[:-2] + ".o")


def _exports(objects: list[str]) -> list[str]:
    """The runtime's functions that are visible outside: the API, and what stubs call."""
    found = {name for path in objects for name in _visible(path)}
    return sorted(name for name in found if name.startswith(("alloc_", "__allocs_")))


def _visible(path: str) -> dict[str, str]:
    """What an object defines for others to see, each with its binding, `global` or `weak`."""
    from allocscc.elf.object import SHT_SYMTAB, STB_LOCAL, STB_WEAK, STV_DEFAULT, ElfObject

    with open(path, "rb") as file:
        elf = ElfObject(file.read(), path)
    table = elf.table(SHT_SYMTAB)
    names = set(elf.definitions())
    return {
        symbol.name.decode(): "weak" if symbol.binding == STB_WEAK else "global"
        for symbol in (elf.symbols(table, names) if table else ())
        if symbol.defined and symbol.binding != STB_LOCAL and symbol.visibility == STV_DEFAULT
    }
