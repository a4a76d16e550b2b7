"""The command `allocs` and its verbs; a verb's module is imported when it is asked for."""

import os
import sys
from typing import NoReturn

from allocscc import __version__
from allocscc.cli.application import SystemTroubleError, Verbs
from allocscc.errors import AllocsError

_VERBS = {
    "report": "Report",
    "diff": "Diff",
    "run": "Run",
    "rebuild": "Rebuild",
    "sites": "Sites",
    "explain": "Explain",
    "config": "ConfigVerb",
    "suggest": "Suggest",
    "doctor": "Doctor",
    "completion": "Completion",
    "man": "Man",
}


class Allocs(Verbs):
    """Ask what allocscc knows: who owns the heap, what grew, which sites an object has, what a link did and why.

    Programs are built with CC=allocscc, and write profiles when they are run with ALLOCS_OPTIONS=profile=FILE.

    Examples: allocs run ./prog
              allocs report --by wrapper,site heap.json
    """

    PROGNAME = "allocs"
    VERSION = __version__


for _word, _class in _VERBS.items():
    Allocs.subcommand(_word, f"allocscc.cli.{_word}.{_class}")


def main(argv: list[str]) -> NoReturn:
    """Run the tool and exit; errors of ours are one message and their own exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # file names are bytes
    try:
        _, status = Allocs.run(["allocs", *argv], exit=False)
        sys.stdout.flush()
    except AllocsError as error:
        print(f"allocs: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        sys.exit(_failed(error))
    except SystemTroubleError as trouble:
        sys.exit(_failed(trouble.error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status)


def _failed(error: OSError) -> int:
    """Tell of it; the exit status."""
    if isinstance(error, BrokenPipeError):  # `allocs report … | head`: what was wanted has been read
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    print(f"allocs: {error.filename or 'error'}: {error.strerror}", file=sys.stderr)
    return 66  # EX_NOINPUT
