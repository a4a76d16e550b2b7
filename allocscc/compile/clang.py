"""What clang does in one process, asked for again: our hook is its assembler and sees none of its options."""

import os
import re
from itertools import pairwise

from allocscc import toolchain
from allocscc.compile.apart import Additions, Definition, keep_file_apart
from allocscc.compile.expansion import Expansion, Preprocessed
from allocscc.compile.interest import Needs
from allocscc.compile.prefix import mapped, unmapped
from allocscc.compile.unit import Unit
from allocscc.compilecommand import Command

_SECTION_TYPES = {
    "llvm_odrtab": "0x6fff4c00", "llvm_linker_options": "0x6fff4c01", "llvm_dependent_libraries": "0x6fff4c04",
    "llvm_sympart": "0x6fff4c05", "llvm_bb_addr_map": "0x6fff4c08", "llvm_call_graph_profile": "0x6fff4c09",
}  # fmt: skip
# Work is done in a child, whose parent is the hook.
_DRIVER = os.getppid()
_WITH_ARGUMENT = ("-o", "-MF", "-MT", "-MQ")
# Of the other options, those whose argument is the next word and might be taken for an input.
_TAKES_WORD = (
    "-I", "-D", "-U", "-x", "-include", "-imacros", "-include-pch", "-isystem", "-iquote", "-idirafter", "-isysroot",
    "-iprefix", "-iwithprefix", "-target", "-arch", "-Xclang", "-Xpreprocessor", "-Xassembler", "-Xlinker", "-mllvm",
    "--param", "-L", "-T", "-u", "-z", "-framework", "-MJ",
)  # fmt: skip
_DROPPED = ("-c", "-S", "-MD", "-MMD", "-MP")
_SAVE_TEMPS = ("-save-temps", "--save-temps")
_EXPANDED = (".i", ".ii")
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[\"<]([^\">]+)[\">]", re.M)
_NOT_SOURCES = (".o", ".s", ".a", ".so")
_PLUS_PLUS = (".cc", ".cpp", ".cxx", ".C", ".c++")


def for_gas(text: str) -> str:
    """Clang's assembly with LLVM's section types as numbers: GNU as has no names for them (llvm/BinaryFormat/ELF.h)."""
    for name, number in _SECTION_TYPES.items():
        if f"@{name}\n" in text:
            text = text.replace(f"@{name}\n", f"@{number}\n")
    return text


def made_by_compiler(assembly: str) -> bool:
    """Whether clang made this assembly file: one that a person gave it stays as it is."""
    return assembly not in _driver_words()


def _driver_words() -> list[str]:
    """The command line of the process that runs us."""
    try:
        with open(f"/proc/{_DRIVER}/cmdline", "rb") as file:
            return [word.decode("utf-8", "surrogateescape") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def assembler_options() -> list[str]:
    """The options that the driver's command line has for the assembler (`-Wa,…`)."""
    return [option for word in _driver_words() if word.startswith("-Wa,") for option in word.split(",")[1:]]


def driver_command(assembly: str) -> tuple[str, list[str]] | None:
    """The source that clang made this assembly file from, and the driver's own arguments.

    They are read from the process that runs us (`/proc/PPID/cmdline`). clang names its temporary after the source
    (`/tmp/foo-1a2b3c.s`); None if that leaves a doubt.
    """
    words = _driver_words()
    name = os.path.basename(assembly).removesuffix(".s")
    stems = {name, name.rpartition("-")[0]}  # -save-temps has no number behind the name
    sources = {
        word
        for before, word in pairwise(words)
        if not word.startswith("-")
        and before not in _WITH_ARGUMENT
        and os.path.splitext(os.path.basename(word))[0] in stems
        and not word.endswith(_NOT_SOURCES)
        and os.path.isfile(word)
    }
    return (sources.pop(), words) if len(sources) == 1 else None


def unit_of(
    assembly: str, driver: tuple[str, list[str]] | None, text: str, folder: toolchain.TemporaryFolder, needs: Needs
) -> Unit:
    """The unit that clang compiled.

    Args:
        assembly: the file that it made.
        driver: what `driver_command` says of it.
        text: the file's contents.
        folder: for temporary files.
        needs: what to look for.
    """

    def compile_apart(definitions: list[Definition], additions: Additions) -> str | None:
        path, output = folder.file("apart.i"), folder.file("apart.s")
        if driver is None or not (additions.prelude or _optimises(driver[1])):
            return None
        if not _optimises(driver[1]):
            definitions = []
        if not _include(*driver, path) or not keep_file_apart(path, path, definitions, "clang", additions):
            return None
        return toolchain.read_text(output) if _compile_included(*driver, path, output) else None

    compiler = os.environ.get("ALLOCSCC_REAL", "")
    source, words = driver or (assembly, [])
    return Unit(
        source, text, mapped(os.getcwd(), words), compiler, needs.declares, False,
        Expansion(lambda: _preprocess(driver[0], driver[1], folder) if driver else None), compile_apart,
        on_stack=needs.on_stack, arrays=needs.arrays,
    )  # fmt: skip


def _preprocess(source: str, driver: list[str], folder: toolchain.TemporaryFolder) -> Preprocessed | None:
    """Have clang preprocess one source with the driver's options, into `folder`."""
    path = folder.file("unit.i")
    kept = _for_one(source, driver)
    if not _succeeds([*_preprocess_command(source, driver), "-o", path]):
        return None
    standard = [word for word in kept if word.startswith("-std=")][-1:]
    compiled = source.endswith(_EXPANDED) or any(word.startswith(_SAVE_TEMPS) for word in driver)
    return Preprocessed(path, _language(source, driver), standard, compiled)


def command_record(assembly: str) -> str:
    """How the unit of an assembly file is preprocessed again, for its object; "" where that is not known."""
    driver = driver_command(assembly)
    if driver is None:
        return ""
    words = unmapped(_preprocess_command(*driver))
    return Command(mapped(os.getcwd(), driver[1]), driver[0], words).assembly()


def _preprocess_command(source: str, driver: list[str]) -> list[str]:
    return [driver[0], *_for_one(source, driver), "-E", "-D__ALLOCSCC_SCAN__", "-w"]


def _optimises(driver: list[str]) -> bool:
    """Whether clang looks into functions that it calls: without -O it keeps all of them apart (`noinline optnone`)."""
    level = [word for word in driver if word.startswith("-O")][-1:]
    return level not in ([], ["-O0"])


def _include(source: str, driver: list[str], path: str) -> bool:
    """Have clang resolve the includes of one source, but no macros, into a file; whether it did."""
    return _succeeds([driver[0], *_for_one(source, driver), "-E", "-frewrite-includes", "-w", "-o", path])


def _compile_included(source: str, driver: list[str], path: str, output: str) -> bool:
    """Have clang compile text that `include` made, in the place of the source; whether it did."""
    kept = _for_one(source, driver, "-include", "-imacros")
    words = ["-x", _language(source, driver), path, f"-fdebug-prefix-map={path}={source}", "-S", "-w", "-o", output]
    return _succeeds([driver[0], *(word for word in kept if word != source), *words])


def _for_one(source: str, driver: list[str], *dropped: str) -> list[str]:
    """The driver's options for one of its sources, without outputs and the dropped options."""
    kept = []
    words = iter(driver[1:])
    for word in words:
        if word in _WITH_ARGUMENT or word in dropped:
            next(words, "")
        elif word in _TAKES_WORD:
            kept += [word, next(words, "")]
        elif (
            not word.startswith(_SAVE_TEMPS)
            and word not in _DROPPED
            and (word == source or word.startswith("-") or not os.path.isfile(word))
        ):
            kept.append(word)
    return kept


def _language(source: str, driver: list[str]) -> str:
    plus = "++" in os.path.basename(driver[0]) or os.path.splitext(source)[1] in _PLUS_PLUS
    return "c++" if plus else "c"


def _succeeds(command: list[str]) -> bool:
    return toolchain.spawn(command, toolchain.environment(), quiet=True) == 0


def included_files(source: str, driver: list[str]) -> list[str]:
    """The source and every header that it may include, itself or by another one, from its own and `-I`'s folders.

    clang gives no list of them on the side, as gcc does; conditionals are not looked at, so these are too many.
    """
    folders = [word[2:] for word in driver if word.startswith("-I") and len(word) > 2]
    folders += [after for word, after in pairwise(driver) if word in ("-I", "-iquote")]
    waiting = [source, *(after for word, after in pairwise(driver) if word in ("-include", "-imacros"))]
    found = dict.fromkeys(waiting)
    while waiting and len(found) < 5000:
        path = waiting.pop()
        try:
            with open(path, encoding="latin-1") as file:
                names = _INCLUDE.findall(file.read())
        except OSError:
            continue
        for name in names:
            candidates = (os.path.join(folder, name) for folder in (os.path.dirname(path), *folders))
            header = next((c for c in candidates if os.path.isfile(c)), None)
            if header is not None and header not in found:
                found[header] = None
                waiting.append(header)
    return list(found)
