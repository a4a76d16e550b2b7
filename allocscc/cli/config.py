"""`allocs config …`: what the description says, where from, and how to change it (R1, R17)."""

import json
import os
import sys
from collections.abc import Iterable

from plumbum import cli

from allocscc.cli.application import Verb, Verbs
from allocscc.cli.sites import read_declarations
from allocscc.config.check import findings, mentions
from allocscc.config.declared import declared_layer
from allocscc.config.edit import added, write_file
from allocscc.config.load import load_config, load_layers, merge_layers
from allocscc.config.read import read_layer
from allocscc.config.signature import parse_signature
from allocscc.config.traditional import fates, unknown
from allocscc.config.variables import VARIABLES, from_variables
from allocscc.config.write import printable, to_json, to_toml
from allocscc.errors import UsageError

_PROJECT_FILE = "allocscc.toml"


class ConfigVerb(Verbs):
    """Show, check and change the description of allocators and wrappers.

    Example: allocs config show --origin
    """


@ConfigVerb.subcommand("show")
class Show(Verb):
    """Print the merged config of this folder as TOML.

    Example: allocs config show --origin
    """

    origin = cli.Flag("--origin", help="say in a comment where each entry comes from")
    json = cli.Flag("--json", help="print a JSON object with all entries and their origins")

    def main(self) -> int:
        """Merge all layers and print them."""
        config = load_config(os.environ, os.getcwd())
        _warn(config.warnings)
        if self.json:
            json.dump(to_json(config), sys.stdout, indent=1)
            print()
        else:
            sys.stdout.write(to_toml(config, origins=bool(self.origin)))
        return 0


@ConfigVerb.subcommand("check")
class Check(Verb):
    """Check the config of this folder, or some files, and tell where layers differ and what does nothing.

    Example: allocs config check --strict allocscc.toml
    """

    strict = cli.Flag("--strict", help="exit with status 1 if there is anything to tell")

    def main(self, *files: str) -> int:
        """Read everything; a mistake ends with its message and status 78."""
        env, folder = dict(os.environ), os.getcwd()
        if files:
            env["ALLOCSCC_CONFIG"] = ":".join(os.path.abspath(file) for file in files)
            folder = "/"
        layers = load_layers(env, folder)
        config = merge_layers(layers)
        told = [f"{finding.origin}: {finding.text}" if finding.origin else finding.text for finding in findings(layers)]
        for named in (*config.hooks.values(), *config.includes):
            if not os.path.isfile(named.name):
                told.append(f"{named.origin}: there is no file {named.name}")
        for text in told:
            _tell(text)
        _tell(f"{len(config.entries)} entries from {len(config.origins)} layers: {', '.join(config.origins)}")
        return 1 if told and self.strict else 0


@ConfigVerb.subcommand("from-env")
class FromEnv(Verb):
    """Print the LIBALLOCS_* variables as TOML for a config file.

    Comments behind it say what becomes of the other variables of liballocs that are set.

    Example: allocs config from-env >> allocscc.toml
    """

    def main(self) -> int:
        """Read the variables and print them."""
        config = from_variables(os.environ)
        _warn((*config.warnings, *unknown(os.environ)))
        if config.origins:
            sys.stdout.write(f"# from {', '.join(config.origins)}\n{to_toml(config)}")
        else:
            print(f"# none of these variables is set: {', '.join(VARIABLES)}")
        for line in fates(os.environ):
            print(f"# {line}")
        return 0


@ConfigVerb.subcommand("add")
class Add(Verb):
    """Add functions to a wrapper or allocator in allocscc.toml, keeping its comments; makes what is not there.

    The entry is named by the word without parentheses, or else as the first function.

    Example: allocs config add wrapper 'xmalloc(Z)p' 'xcalloc(zZ)p' --free 'xfree(P)'
    """

    file = cli.SwitchAttr("--file", help="the file to change; default: the project's, or a new one here")
    free = cli.SwitchAttr("--free", list=True, help="signature of a function that frees")
    resize = cli.SwitchAttr("--resize", list=True, help="signature of a function that frees and allocates")
    chain = cli.SwitchAttr("--free-chain", list=True, help="signature of a function that frees a list (allocator)")
    since = cli.SwitchAttr("--free-since", list=True, help="signature of a function that frees what is younger, too")
    free_all = cli.SwitchAttr("--free-all", list=True, help="signature of a function that frees a region (allocator)")
    suballocates = cli.SwitchAttr("--suballocates", help="the family whose chunks it carves up (allocator)")

    def main(self, kind: str, *words: str) -> int:
        """Edit the file."""
        if kind not in ("wrapper", "allocator"):
            raise UsageError(f"config add: '{kind}' cannot be added; allowed: wrapper, allocator")
        names = [word for word in words if "(" not in word]
        alloc = [str(parse_signature(word, "argument")) for word in words if "(" in word]
        if len(names) > 1:
            raise UsageError(f"config add: which is the entry's name: {', '.join(names)}? Signatures have parentheses")
        lists = {
            "alloc": alloc, "resize": self.resize, "free": self.free, "free-chain": self.chain,
            "free-since": self.since, "free-all": self.free_all,
        }  # fmt: skip
        values: dict[str, list[str] | str] = {
            key: [str(parse_signature(str(text), f"--{key}")) for text in given]
            for key, given in lists.items()
            if given
        }
        if self.suballocates:
            values["suballocates"] = str(self.suballocates)
        if not values:
            raise UsageError("config add: no signature was given, e.g. 'xmalloc(Z)p'")
        name = names[0] if names else parse_signature(next(str(v[0]) for v in values.values())).full_name
        path = str(self.file) if self.file else project_file()
        text = ""
        if os.path.lexists(path):
            read_layer(path)  # says what is wrong with it in our words
            with open(path, encoding="utf-8", newline="") as file:  # its line ends stay
                text = file.read()
        write_file(path, added(path, text, kind, name, values))
        _tell(f"{path}: {kind}.{name}")
        return 0


@ConfigVerb.subcommand("explain")
class ExplainSymbol(Verb):
    """Tell every entry that speaks of a function, which one counts, and why.

    Objects and archives named behind it are asked for what their sources declare.

    Example: allocs config explain xmalloc
    """

    json = cli.Flag("--json", help="print a JSON array, one object an entry, weakest first")

    def main(self, symbol: str, *objects: str) -> int:
        """Look through all layers; status 1 if none speaks of the function."""
        layers = load_layers(os.environ, os.getcwd())
        if objects:
            layers.insert(0, declared_layer(d for path in objects for d in read_declarations(path)))
        found = mentions(layers, symbol)
        if self.json:
            rows = [
                {
                    "kind": m.entry.kind, "name": m.entry.name, "list": m.list, "signature": m.signature,
                    "origin": m.entry.origin, "wins": m.wins, "why": m.why,
                }
                for m in found
            ]  # fmt: skip
            json.dump(rows, sys.stdout, indent=1)
            print()
            return 0 if found else 1
        if not found:
            names = ", ".join(merge_layers(layers).origins)
            _tell(f"no entry speaks of {symbol}; layers: {names}")
            return 1
        _tell(f"{symbol}, weakest entry first:")
        for mention in found:
            entry = mention.entry
            print(f"  {'*' if mention.wins else ' '} {entry.kind}.{entry.name} {mention.list} {mention.signature}")
            _tell(f"      {entry.origin}\n      {mention.why}")
        return 0


def project_file() -> str:
    """The project's config file, found upwards as a build would find it; a new one here if there is none."""
    folder = os.getcwd()
    while True:
        path = os.path.join(folder, _PROJECT_FILE)
        if os.path.lexists(path):
            return path
        if folder == os.path.dirname(folder):
            return os.path.join(os.getcwd(), _PROJECT_FILE)
        folder = os.path.dirname(folder)


def _tell(text: str) -> None:
    """Print text with names of files and functions in it, which may hold anything."""
    for line in text.split("\n"):
        print(printable(line))


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"allocs: warning: {warning}", file=sys.stderr)
