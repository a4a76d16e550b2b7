"""The base of `allocs` and its verbs: plumbum's command lines, with our messages, statuses and help."""

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from plumbum import cli
from plumbum.cli.switches import SwitchError

from allocscc.errors import UsageError


class SystemTroubleError(Exception):
    """An `OSError` on its way through plumbum, which takes some for its own to handle."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Verb(cli.Application):
    """A command; its docstring is the text of `--help` and of the man page, from `Example:` on its examples.

    Attributes:
        ARGUMENTS: what stands behind the options; empty: the names of the parameters of `main`.
        TAKES_FILES: whether these are names of files, for completion.
    """

    ARGUMENTS: ClassVar[str] = ""
    TAKES_FILES: ClassVar[bool] = True

    @cli.switch(["-h", "--help"], overridable=True, group="Meta-switches", help="print this and exit")
    def help(self) -> None:
        """Print the page of this command."""
        import shutil

        from allocscc.cli.pages import help_text, page_of

        width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
        sys.stdout.write(help_text(page_of(type(self), str(self.PROGNAME)), max(width, 40)))

    def _parse_args(self, argv: list[str]) -> tuple[dict[Callable[..., None], Any], list[str]]:
        known = [name for name in self._subcommands if not name.startswith("-")]
        word = next((one for one in argv if not one.startswith("-")), None)
        if known and word is not None and word not in known:
            raise UsageError(
                f"there is no verb '{word}'{nearest(word, known) or '.'} '{self.PROGNAME} --help' lists them"
            )
        try:
            return super()._parse_args(argv)
        except SwitchError as error:
            raise self._usage(error) from error

    def _parse_and_dispatch(self, argv: list[str]) -> Any:
        try:
            return super()._parse_and_dispatch(argv)
        except OSError as error:
            raise SystemTroubleError(error) from error

    def _validate_args(self, swfuncs: Any, tailargs: Any) -> Any:
        try:
            return super()._validate_args(swfuncs, tailargs)
        except SwitchError as error:
            if type(error).__name__.startswith("Show"):  # plumbum's way to ask for help or the version
                raise
            raise self._usage(error) from error

    def _usage(self, error: SwitchError) -> UsageError:
        """Plumbum's complaint as ours, with the option that may have been meant."""
        text = str(error).splitlines()[0]
        text = text[:1].lower() + text[1:]
        hint = ""
        if text.startswith("unknown switch "):
            word = text.rpartition(" ")[2].lstrip("-")
            text = f"there is no option {text.rpartition(' ')[2]}"
            hint = nearest(word, self._switches_by_name, "--")
        elif text.startswith("expected at least"):
            text = f"{'an argument is' if ' 1 ' in text else 'arguments are'} missing"
        elif text.startswith("argument of "):
            text = text.replace("argument of ", "--", 1).removesuffix(":").replace(" expected to be ", " has to be ")
        return UsageError(f"{self._words()}: {text}{hint or '.'} See '{self.PROGNAME} --help'")

    def _words(self) -> str:
        return str(self.PROGNAME).removeprefix("allocs ")


class Verbs(Verb):
    """A command that has verbs and does nothing by itself."""

    def main(self, *words: str) -> int | None:
        """Without a verb: say which there are."""
        if words:
            raise UsageError(f"{self.PROGNAME}: there is no verb '{words[0]}'")
        if not self.nested_command:
            self.help()
        return None


def nearest(word: str, names: Iterable[str], dashes: str = "") -> str:
    """The hint that another name may have been meant, or "" if none is like the word."""
    found = difflib.get_close_matches(word, [name for name in names if len(name) > 1], 1, 0.5)
    return f"; did you mean '{dashes}{found[0]}'?" if found else ""


def words(values: Iterable[object]) -> tuple[str, ...]:
    """What an option that may be given several times holds."""
    return tuple(str(value) for value in values)
