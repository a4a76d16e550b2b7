"""`allocs explain`: what the link phase decided and why; with `--verify`, the proof that it did nothing else (R15)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from plumbum import cli

from allocscc import toolchain
from allocscc.backends import EMBEDDED
from allocscc.config.roles import load_roles
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError, ToolError, UsageError
from allocscc.link.explain import plan_text
from allocscc.link.record import decode_plan
from allocscc.link.report import verdict_text
from allocscc.link.witness import FOLDER, RESULT
from allocscc.sidecar_names import PLAN_SECTION

_LINKERS = ("ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "mold")
_CACHES = ("ccache", "sccache", "distcc", "icecc")
# Options of the driver that write files beside the output; those in the second tuple take a word.
_WRITING = ("-MD", "-MMD", "-MP", "-save-temps")
_WRITING_WITH_WORD = ("-o", "-MF", "-MT", "-MQ", "-MJ")
_SPY = '#!/bin/sh\nexec "$ALLOCSCC_PYTHON" -I -S "$ALLOCSCC_HOME/link/witness.py" "${0##*/}" "$@"\n'


class Explain(cli.Application):
    """Print the decisions of a link from its output: each with its rule and the config entry that caused it.

    With --verify, make a link twice in a temporary folder, without and with allocscc, and hold every difference against
    the plan. Exit status 1 if a line of the difference has no cause, or a decision left no trace.

    Examples: allocs explain ./prog
              allocs explain --verify -- gcc main.o -L. -lx -o prog
    """

    json = cli.Flag("--json", help="print the plan (with --verify: the proof) as JSON")
    verify = cli.Flag("--verify", help="make both links of the command behind -- and explain the difference")

    def main(self, *words: str) -> int:
        """Print a plan, or a proof."""
        if self.verify:
            result = both_links(list(words))
            _print(result, as_json=bool(self.json))
            return 0 if result["proved"] else 1
        if len(words) != 1:
            raise UsageError("allocs explain takes one program (or, with --verify --, a link command)")
        plans = read_plans(words[0])
        if self.json:
            json.dump(plans, sys.stdout, indent=1)
            print()
            return 0
        for plan in plans:
            sys.stdout.write(plan_text(plan))
        return 0


def read_plans(path: str) -> list[dict[str, Any]]:
    """The plans that a linked file keeps.

    Raises:
        FormatError: it keeps none, or is damaged.
    """
    with open(path, "rb") as file:
        elf = ElfObject(file.read(), path)
    section = elf.section(PLAN_SECTION.encode())
    if section is None:
        raise FormatError(
            f"{path}: holds no plan: it was not linked by allocscc, or the link had no function of a role"
            " and got only the runtime"
        )
    return decode_plan(elf.contents(section), path)


def both_links(command: list[str]) -> dict[str, Any]:
    """Run a driver's command with a linker that makes both links, and give the proof; nothing of the user's is written.

    Args:
        command: a compiler driver and its arguments.

    Raises:
        UsageError: the command does not link.
        ToolError: it, or one of the two links, failed.
    """
    while command and os.path.basename(command[0]) in _CACHES:
        command = command[1:]  # a link is not cached
    if not command:
        raise UsageError("allocs explain --verify takes a link command, such as: -- gcc main.o -o prog")
    backend = load_roles(dict(os.environ), os.getcwd()).backend
    if backend != EMBEDDED:
        raise UsageError(
            f"allocs explain --verify knows what the embedded runtime adds to a link; the backend here is {backend}"
            " (ALLOCSCC_BACKEND=embedded proves the link with that one)"
        )
    folder = tempfile.mkdtemp(prefix="allocs-verify-")
    try:
        for name in ("bin", "vanilla", "ours", "kept", "driver"):
            os.mkdir(os.path.join(folder, name))
        for name in _LINKERS:
            path = os.path.join(folder, "bin", name)
            with open(path, "w", encoding="ascii") as file:
                file.write(_SPY)
            os.chmod(path, 0o700)
        env = {**os.environ, FOLDER: folder}
        if os.path.basename(command[0]) in ("allocscc", "allocsc++"):
            driver = command[0]
        else:
            driver, compiler = _launcher(), command[0]
            if " " in compiler:  # ALLOCSCC_CC may hold several words
                compiler = os.path.join(folder, "driver", os.path.basename(compiler).replace(" ", "-"))
                os.symlink(os.path.abspath(command[0]), compiler)
            env["ALLOCSCC_CC"] = compiler
        output = ["-o", os.path.join(folder, "driver", "output")]
        words = [driver, f"-B{folder}/bin", *_without_files(command[1:]), *output]
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="surrogateescape")
        path = os.path.join(folder, RESULT)
        if done.returncode:
            raise ToolError(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stderr}")
        if not os.path.exists(path):
            raise UsageError(f"this command did not link anything: {' '.join(command)}")
        with open(path, encoding="utf-8") as result:
            made: dict[str, Any] = json.load(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if "failure" in made:
        raise ToolError(made["failure"])
    verdict = made.pop("verdict")
    proved = not (verdict["unexplained"] or verdict["traceless"] or verdict["problems"])
    return {"command": command, "proved": proved, **verdict, **made}


def _launcher() -> str:
    """`bin/allocscc` of this toolkit: beside the package in a checkout, else under its prefix, else on `PATH`."""
    folder = os.path.dirname(os.environ.get("ALLOCSCC_HOME", ""))
    while folder not in ("", "/"):
        path = os.path.join(folder, "bin", "allocscc")
        if os.access(path, os.X_OK):
            return path
        folder = os.path.dirname(folder)
    return toolchain.find_program("allocscc")


def _without_files(words: list[str]) -> list[str]:
    """A driver's arguments without its output, and without options that write files beside it."""
    kept: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word in _WRITING_WITH_WORD:
            index += 2
            continue
        if word not in _WRITING and not word.startswith(("-o", "-save-temps=")):
            kept.append(word)
        index += 1
    return kept


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        json.dump(result, sys.stdout, indent=1)
        print()
    else:
        sys.stdout.write(verdict_text(result))
