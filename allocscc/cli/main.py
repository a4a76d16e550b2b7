"""The command `allocs` and its verbs."""

import os
import sys
from typing import NoReturn

from plumbum import cli

from allocscc import __version__
from allocscc.cli.config import ConfigVerb
from allocscc.cli.explain import Explain
from allocscc.cli.report import Report
from allocscc.cli.sites import Sites
from allocscc.cli.suggest import Suggest
from allocscc.errors import AllocsError


class Allocs(cli.Application):
    """Ask what allocscc knows: who owns the heap, which sites an object has, what a link did and why."""

    PROGNAME = "allocs"
    VERSION = __version__

    def main(self, *args: str) -> int | None:
        """Run without a verb: say which there are."""
        if args:
            self.help()
            print(f"allocs: there is no verb '{args[0]}'", file=sys.stderr)
            return 64
        if not self.nested_command:
            self.help()
        return None


Allocs.subcommand("report", Report)
Allocs.subcommand("sites", Sites)
Allocs.subcommand("explain", Explain)
Allocs.subcommand("config", ConfigVerb)
Allocs.subcommand("suggest", Suggest)


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
    except BrokenPipeError:  # `allocs report … | head`: what was wanted has been read
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except OSError as error:
        print(f"allocs: {error.filename or 'error'}: {error.strerror}", file=sys.stderr)
        sys.exit(66)  # EX_NOINPUT
    sys.exit(status)
