"""Stands in for the linker of one driver call, and makes both links of it: the vanilla one and ours (R15).

`allocs explain --verify` puts a folder with linkers of every name in front of the driver's search path (`-B`); each
runs this file, as `python -I -S witness.py NAME ARGS…`. The driver has compiled everything once by then, so both
links have the same objects. The second time it is called is when our link phase calls the real linker: then it keeps
what that command line names in temporary folders. Nothing is written but into the folder `ALLOCSCC_WITNESS`.
"""

from __future__ import annotations

import json
import os
import sys

if __name__ == "__main__":
    sys.path[:0] = os.environ["ALLOCSCC_PATH"].split(":")

import shutil
import subprocess
from typing import Any

from allocscc import toolchain
from allocscc.errors import AllocsError, ToolError
from allocscc.link.job import LinkJob
from allocscc.link.response import expand_response_files
from allocscc.link.taken import linked
from allocscc.link.trace import read_options
from allocscc.values import asdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.link.outcome import Outcome
    from allocscc.link.twolinks import Verdict

FOLDER, REAL, RESULT = "ALLOCSCC_WITNESS", "ALLOCSCC_WITNESS_REAL", "result.json"
# Options that write files of the user's, or take from the output what is to be compared; with their arguments.
_DROPPED_WITH_ARGUMENT = ("-o", "--output", "-Map", "--Map", "--dependency-file")
_DROPPED = ("-s", "--strip-all", "-x", "--discard-all", "-X", "--discard-locals", "--print-map", "-M", "-t", "--trace")
_JOINED = ("--output=", "-Map=", "--Map=", "--dependency-file=")


def main(name: str, argv: list[str]) -> int:
    """Make both links and compare them; or, called by our link phase, be the real linker.

    Args:
        name: the linker's name.
        argv: its arguments.

    Returns:
        The exit status.
    """
    folder = os.environ[FOLDER]
    real = os.environ.get(REAL, "")
    if real and not {"--version", "--trace"}.isdisjoint(argv):
        toolchain.replace([real, *argv])  # a question of our link phase's, not the link
    if real:
        return _be_the_linker(real, argv, folder)
    os.environ["COMPILER_PATH"] = _without(os.environ.get("COMPILER_PATH", ""), folder)
    os.environ["PATH"] = _without(os.environ.get("PATH", os.defpath), folder)
    real = toolchain.find_linker(name)
    args = cleaned(expand_response_files(argv, os.getcwd()))
    try:
        verdict, commands = _both(name, real, args, folder)
    except (AllocsError, OSError) as error:
        return _tell(folder, {"failure": str(error)})
    return _tell(folder, {"verdict": asdict(verdict), "linker": real, **commands})


def _tell(folder: str, result: dict[str, Any]) -> int:
    _write(folder, RESULT, result)
    return 0


def cleaned(args: list[str]) -> list[str]:
    """A linker's arguments without its output, without files that it writes beside, and without stripping."""
    words: list[str] = []
    index = 0
    while index < len(args):
        word = args[index]
        if word in _DROPPED_WITH_ARGUMENT:
            index += 2
            continue
        if word not in _DROPPED and not word.startswith(_JOINED):
            words.append(word)
        index += 1
    return words


def _both(name: str, real: str, args: list[str], folder: str) -> tuple[Verdict, dict[str, Any]]:
    """Both links and the verdict on them; the command lines, and what our link phase said.

    Raises:
        AllocsError, OSError: a link failed, or an output cannot be read.
    """
    from allocscc.link.evidence import two_links
    from allocscc.link.outcome import read_outcome
    from allocscc.link.verify import verify

    _write(folder, "vanilla.json", args)
    inputs = linked(real, args, os.path.join(folder, "vanilla", "output"), _vanilla_environment())
    vanilla = read_outcome(os.path.join(folder, "vanilla", "output"), inputs, read_options(args))
    output = os.path.join(folder, "ours", "output")
    command = [*args, "-o", output]
    hook = [sys.executable, "-I", "-S", os.path.join(os.path.dirname(os.path.abspath(__file__)), "start.py"), name]
    path = f"{os.path.join(folder, 'bin')}:{os.environ['COMPILER_PATH']}"
    env = {**os.environ, REAL: real, "COMPILER_PATH": path}
    done = subprocess.run([*hook, *command], env=env, capture_output=True, text=True, errors="surrogateescape")
    said = done.stdout + done.stderr
    if done.returncode or not os.path.exists(os.path.join(folder, "ours.json")):
        raise ToolError(f"our link failed with status {done.returncode}:\n{said}")
    made = _read(folder, "ours.json")
    ours = read_outcome(output, made["inputs"], read_options(made["args"]))
    job = LinkJob(command, os.getcwd(), real)
    links = two_links(job, real, vanilla, ours, made["kept"])
    seen = {"vanilla": seen_of(links.vanilla), "ours": seen_of(links.ours)}
    return verify(links), {"vanilla": args, "ours": made["args"], "said": said, "seen": seen}


def seen_of(outcome: Outcome) -> dict[str, list[str]]:
    """What was compared, of one link: a proof about nothing would show here."""
    # loaders pass over hidden ones, which bfd lists
    seen = [fact for fact in outcome.dynamic if fact.visibility not in ("hidden", "internal")]
    exports, imports = (
        [f"{fact.name}@{fact.version}".rstrip("@") for fact in seen if fact.defined == defined]
        for defined in (True, False)
    )
    return {"inputs": list(outcome.inputs), "exports": exports, "imports": imports}


def _be_the_linker(real: str, argv: list[str], folder: str) -> int:
    """Link as our link phase asks, and keep its temporary inputs."""
    args = expand_response_files(argv, os.getcwd())
    args, output = cleaned(args), LinkJob(args, os.getcwd()).output
    known = set(_read(folder, "vanilla.json"))
    kept: dict[str, str] = {}
    for word in args:
        if word not in known and os.path.isfile(word):
            copy = os.path.join(folder, "kept", f"{len(kept)}-{os.path.basename(word)}")
            shutil.copyfile(word, copy)
            kept[os.path.normpath(os.path.join(os.getcwd(), word))] = copy
    try:
        inputs = linked(real, args, output, dict(os.environ))
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _write(folder, "ours.json", {"args": args, "inputs": inputs, "kept": kept})
    return 0


def _vanilla_environment() -> dict[str, str]:
    """The environment of the driver's linker as if it had been called without our hooks."""
    env = dict(os.environ)
    hooks = os.path.join(env["ALLOCSCC_HOME"], "hooks")
    env["COMPILER_PATH"] = _without(env["COMPILER_PATH"], hooks)
    if not env["COMPILER_PATH"]:
        del env["COMPILER_PATH"]
    return env


def _without(path: str, folder: str) -> str:
    """A search path without a folder and all that is in it."""
    inside = os.path.abspath(folder) + "/"
    return ":".join(one for one in path.split(":") if one and not (os.path.abspath(one) + "/").startswith(inside))


def _write(folder: str, name: str, value: Any) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(json.dumps(value))  # `json.dump` is written in Python


def _read(folder: str, name: str) -> Any:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
