"""All metadata is in setup.cfg; what is made of the text of `--help` for an installation is made here."""

import os
import shutil
import sys

from setuptools import setup

_HERE = os.path.dirname(os.path.abspath(__file__))
_MADE = os.path.join(_HERE, "build", "made")  # setup.cfg, [options.data_files], takes the files from there


def _make() -> None:
    """Manual pages and shell completion."""
    sys.path.insert(0, _HERE)
    from allocscc.cli.completion import SHELLS, completion
    from allocscc.cli.man import pages

    shutil.rmtree(_MADE, ignore_errors=True)  # a verb may be gone
    files = {os.path.join("man", name): text for name, text in pages().items()}
    names = {"bash": "allocs", "fish": "allocs.fish", "zsh": "_allocs"}
    files |= {os.path.join(shell, names[shell]): completion(shell) for shell in SHELLS}
    for name, text in files.items():
        path = os.path.join(_MADE, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


_make()
setup()
