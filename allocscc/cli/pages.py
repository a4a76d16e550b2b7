"""What there is to say about a command, read from its class once: `--help`, man pages and completion are made of it."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass

from plumbum import cli

_HIDDEN = ("help-all", "completions")


@dataclass(frozen=True)
class Option:
    """An option: its names with dashes, its argument's name or "", what values there are, what it does."""

    names: tuple[str, ...]
    argument: str
    choices: tuple[str, ...]
    help: str

    @property
    def label(self) -> str:
        """Names and argument as a person reads them."""
        return ", ".join(self.names) + (f" {self.argument}" if self.argument else "")


@dataclass(frozen=True)
class Page:
    """A command.

    Attributes:
        name: all its words, such as `allocs config show`.
        summary: one sentence.
        paragraphs: what else is to be known.
        examples: command lines.
        arguments: behind the options, such as `FILE...`.
        options: in the order of their names.
        verbs: pages of its verbs.
        files: whether its arguments are names of files.
    """

    name: str
    summary: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    arguments: str
    options: tuple[Option, ...]
    verbs: "tuple[Page, ...]" = ()
    files: bool = True

    @property
    def usage(self) -> str:
        """The command line in short."""
        return " ".join(filter(None, (self.name, "VERB" if self.verbs else "", "[OPTIONS]", self.arguments)))


def page_of(app: type[cli.Application], name: str) -> Page:
    """The page of a command, with those of its verbs; their modules are imported."""
    instance = app(name)
    text = inspect.cleandoc(app.__doc__ or "")
    head, _, tail = text.replace("Examples:", "Example:").partition("Example:")
    paragraphs = [" ".join(one.split()) for one in head.split("\n\n") if one.strip()]
    options: dict[int, Option] = {}
    for info in instance._switches_by_func.values():
        bound = [n for n in info.names if instance._switches_by_name.get(n) is info]
        names = tuple(sorted((f"--{n}" if len(n) > 1 else f"-{n}" for n in bound), key=len))
        shown = info.group != "Meta-switches" or "help" in bound or ("version" in bound and "VERSION" in vars(app))
        if bound and shown and not any(n in _HIDDEN for n in bound):
            options[id(info)] = _option(info, names)
    verbs = sorted(instance._subcommands.items())
    return Page(
        name,
        paragraphs[0] if paragraphs else "",
        tuple(paragraphs[1:]),
        tuple(line.strip() for line in tail.splitlines() if line.strip()),
        "" if verbs else getattr(app, "ARGUMENTS", None) or _arguments(app),
        tuple(sorted(options.values(), key=lambda option: option.names[-1].strip("-"))),
        tuple(page_of(sub.get(), f"{name} {word}") for word, sub in verbs),
        files=bool(getattr(app, "TAKES_FILES", True)),
    )


def all_pages(page: Page) -> Iterable[Page]:
    """A page and those of all its verbs."""
    yield page
    for verb in page.verbs:
        yield from all_pages(verb)


def help_text(page: Page, width: int) -> str:
    """What `--help` prints."""
    import textwrap

    lines = textwrap.wrap(page.summary, width)
    for paragraph in page.paragraphs:
        lines += ["", *textwrap.wrap(paragraph, width)]
    lines += ["", f"Usage: {page.usage}"]
    if page.verbs:
        lines += ["", "Verbs:"]
        room = max(len(verb.name.rpartition(" ")[2]) for verb in page.verbs) + 4
        for verb in page.verbs:
            word = verb.name.rpartition(" ")[2]
            lines += textwrap.wrap(verb.summary, width, initial_indent=f"  {word:<{room - 2}}",
                                   subsequent_indent=" " * room)  # fmt: skip
        lines += ["", f"'{page.name} VERB --help' tells more of each."]
    lines += ["", "Options:"]
    room = min(max(len(option.label) for option in page.options), 26) + 4
    for option in page.options:
        begin = f"  {option.label:<{room - 2}}"
        if len(option.label) > room - 4:
            lines.append(begin.rstrip())
            begin = " " * room
        lines += textwrap.wrap(option.help, width, initial_indent=begin, subsequent_indent=" " * room)
    if page.examples:
        lines += ["", "Examples:" if len(page.examples) > 1 else "Example:"]
        lines += [f"  {example}" for example in page.examples]
    return "\n".join(lines) + "\n"


def _option(info: object, names: tuple[str, ...]) -> Option:
    argtype = getattr(info, "argtype", None)
    text = " ".join((getattr(info, "help", None) or "").split())
    if "--version" in names:
        text = "print the version and exit"
    choices: tuple[str, ...] = ()
    if isinstance(argtype, cli.Set):
        choices = tuple(sorted(str(value) for value in argtype.values))
    if getattr(info, "list", False):
        text += "; may be given several times"
    return Option(names, getattr(info, "argname", "VALUE") if argtype else "", choices, text)


def _arguments(app: type[cli.Application]) -> str:
    found = inspect.getfullargspec(app.main)
    names = [name.upper() for name in found.args[1:]]
    for at in range(len(found.defaults or ())):
        names[-at - 1] = f"[{names[-at - 1]}]"
    return " ".join([*names, *([f"[{found.varargs.upper()}...]"] if found.varargs else [])])
