"""`allocs man`: manual pages of all commands, made of the text of `--help`."""

import os
import sys

from plumbum import cli

from allocscc import __version__
from allocscc.cli.application import Verb, nearest
from allocscc.cli.main import Allocs
from allocscc.cli.pages import Option, Page, all_pages, page_of
from allocscc.errors import UsageError

# What --help cannot say for the drivers, since their options are the compiler's.
_DRIVERS = Page(
    "allocscc",
    "Compile and link C and C++ as gcc does, and make every heap allocation known.",
    (
        "allocscc runs the real compiler driver with its arguments unchanged, and records where memory is allocated,"
        " through which wrappers, of which type. allocsc++ is the same for g++, allocsld for ld. All options are the"
        " compiler's.",
        "The program that is linked answers queries of allocs.h, and writes profiles and leaks when it is run with"
        " ALLOCS_OPTIONS; allocs(1) shows them. What is a wrapper or an allocator of a project stands in its file"
        " allocscc.toml.",
    ),
    (
        "CC=allocscc CXX=allocsc++ ./configure && make",
        "allocscc -g -O2 -o prog prog.c && ALLOCS_OPTIONS=profile=heap.json ./prog && allocs report heap.json",
    ),
    "FILE...",
    (
        Option(("ALLOCSCC_CC", "ALLOCSCC_CXX"), "", (), "the real compiler; may hold words before it (ccache gcc)"),
        Option(("ALLOCSCC_CONFIG",), "", (), "config files besides allocscc.toml, separated by colons"),
        Option(("ALLOCSCC_OBSERVE",), "", (), "stubs or unwind: how wrappers are observed"),
        Option(("ALLOCSCC_EXPLAIN",), "", (), "a file that the plan of every link is appended to"),
        Option(("ALLOCSCC_SAVE_TEMPS",), "", (), "a folder for the sources of stubs"),
        Option(("ALLOCSCC_CACHE",), "", (), "the folder of the cache, ~/.cache/allocscc by default"),
        Option(("ALLOCSCC_PYTHON",), "", (), "the Python that runs the hooks, 3.11 or newer"),
        Option(("ALLOCS_OPTIONS",), "", (), "of a program that runs: profile=FILE, leaks=FILE, check=mismatch …"),
    ),
)  # fmt: skip
_STATUSES = (
    ("0", "done"),
    ("1", "a check failed: explain --verify, config check --strict, config explain, doctor, diff --fail-above"),
    ("64", "no such verb, or a wrong option"),
    ("65", "a file is damaged or not what it should be"),
    ("66", "a file cannot be read or written"),
    ("69", "a program that was run by allocs failed"),
    ("70", "a failure of allocs itself"),
    ("78", "a config layer is wrong"),
)


class Man(Verb):
    """Print the manual page of a command, or write those of all.

    An installation has them already: man allocs, man allocs-report.

    Examples: allocs man report | man -l -
              allocs man --all ~/.local/share/man/man1
    """

    ARGUMENTS = "[VERB...] | --all FOLDER"
    TAKES_FILES = False

    all = cli.Flag("--all", help="write the pages of all commands into a folder")

    def main(self, *words: str) -> int:
        """Print one, or write all."""
        known = pages()
        if self.all:
            if len(words) != 1:
                raise UsageError("man --all takes the folder to write into")
            os.makedirs(words[0], exist_ok=True)
            for name, text in known.items():
                with open(os.path.join(words[0], name), "w", encoding="utf-8") as file:
                    file.write(text)
            return 0
        name = "-".join(["allocs", *words] if words[:1] != ("allocscc",) else words)
        if f"{name}.1" not in known:
            raise UsageError(f"man: there is no page '{name}'{nearest(f'{name}.1', known)}")
        sys.stdout.write(known[f"{name}.1"])
        return 0


def pages() -> dict[str, str]:
    """All pages: names of files, and what is in them."""
    root = page_of(Allocs, "allocs")
    found = {f"{page.name.replace(' ', '-')}.1": manual(page) for page in all_pages(root)}
    return found | {"allocscc.1": manual(_DRIVERS, options="ENVIRONMENT")}


def manual(page: Page, options: str = "OPTIONS") -> str:
    """A page in the man(7) macros."""
    name = page.name.replace(" ", "-")
    lines = [
        f'.TH {name.upper()} 1 "" "allocscc {__version__}" "allocscc"',
        ".SH NAME",
        f"{_roff(name)} \\- {_roff(page.summary[:1].lower() + page.summary[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_roff(page.name)}",
        _roff(page.usage.removeprefix(page.name).strip()),
        ".SH DESCRIPTION",
        _roff(page.summary),
    ]
    for paragraph in page.paragraphs:
        lines += [".PP", _roff(paragraph)]
    if page.verbs:
        lines.append(".SH VERBS")
        for verb in page.verbs:
            lines += [".TP", f".BR {_roff(verb.name.replace(' ', '-'))} (1)", _roff(verb.summary)]
    lines.append(f".SH {options}")
    for option in page.options:
        lines += [".TP", f"\\fB{_roff(', '.join(option.names))}\\fR \\fI{_roff(option.argument)}\\fR".rstrip()]
        lines.append(_roff(option.help))
        if option.choices:
            lines.append(_roff(f"One of {', '.join(option.choices)}."))
    if page.name.startswith("allocs") and page is not _DRIVERS:
        lines.append(".SH EXIT STATUS")
        for status, text in _STATUSES:
            lines += [".TP", f".B {status}", _roff(text)]
        if page.name == "allocs run":
            lines += [".PP", "These are for allocs' own mistakes; otherwise it is the program's."]
    if page.examples:
        lines.append(".SH EXAMPLES")
        for example in page.examples:
            lines += [".PP", ".nf", f"    {_roff(example)}", ".fi"]
    others = [".BR allocs (1)", ".BR allocscc (1)"]
    lines += [".SH SEE ALSO", *(f"{other}," for other in others[:-1]), others[-1]]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    """Text that roff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("…", "...")
    return f"\\&{text}" if text.startswith(".") else text
