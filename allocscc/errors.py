"""Every error that allocscc reports to a person, each with its exit status.

A message says what happened, where, and what to do next. Hooks turn any of these into one warning and build as the
plain compiler would, except `ConfigError`, which stops a link: a silently ignored config is worse than a stopped build.
"""


def printable(text: str) -> str:
    """The text without control characters but tab and newline: names and values in files may hold any."""
    return "".join(c if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160) else "?" for c in text)


class AllocsError(Exception):
    """Base of the hierarchy; `status` is the process exit status (sysexits.h where one fits)."""

    status = 70  # EX_SOFTWARE

    def __str__(self) -> str:
        """The message; control characters of a name or value must not reach a terminal."""
        return printable(super().__str__())


class UsageError(AllocsError):
    """The command line asked for something that does not exist."""

    status = 64  # EX_USAGE


class ConfigError(AllocsError):
    """A config layer is wrong; the message names file or variable, place and what is allowed."""

    status = 78  # EX_CONFIG


class HookError(ConfigError):
    """The project's own hook (a Python file or a C header) failed; the message names its file and line."""


class SignatureError(ConfigError):
    """A signature string does not parse; the message shows the string and the column."""


class FormatError(AllocsError):
    """A file that we read (ELF, archive, sidecar, profile) is damaged or not what it should be."""

    status = 65  # EX_DATAERR


class ToolError(AllocsError):
    """A program that we ran failed; the message carries its command and output."""

    status = 69  # EX_UNAVAILABLE
