"""`allocs completion SHELL`: what makes a shell complete our verbs and options."""

import sys

from plumbum import cli

from allocscc.cli.application import Verb
from allocscc.cli.main import Allocs
from allocscc.cli.pages import Option, Page, all_pages, page_of

SHELLS = ("bash", "fish", "zsh")


class Completion(Verb):
    """Print what makes a shell complete verbs, options, and their values.

    An installation has these files already, under share/bash-completion, share/zsh and share/fish of its prefix; with
    pipx or in a checkout, put them where your shell looks.

    Examples: allocs completion bash > ~/.local/share/bash-completion/completions/allocs
              allocs completion zsh > ~/.zfunc/_allocs
              allocs completion fish > ~/.config/fish/completions/allocs.fish
    """

    ARGUMENTS = "bash|fish|zsh"
    TAKES_FILES = False

    def main(self, shell: cli.Set(*SHELLS)) -> int:  # type: ignore[valid-type]
        """Print the script."""
        sys.stdout.write(completion(str(shell)))
        return 0


def completion(shell: str) -> str:
    """The script for a shell, one of `SHELLS`."""
    root = page_of(Allocs, "allocs")
    return {"bash": _bash, "fish": _fish, "zsh": _zsh}[shell](root)


def _bash(root: Page) -> str:
    lines = [
        "# allocs for bash; made by: allocs completion bash",
        "_allocs() {",
        "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at=allocs word options verbs",
        '\tfor word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '\t\tcase "$at $word" in',
    ]
    pages = list(all_pages(root))
    names = "|".join(f'"{page.name}"' for page in pages[1:])
    lines += [f'\t\t{names}) at="$at $word" ;;', "\t\tesac", "\tdone", "\tCOMPREPLY=()", '\tcase "$at $prev" in']
    for page in pages:
        for option in page.options:
            if option.choices:
                keys = "|".join(f'"{page.name} {name}"' for name in option.names)
                lines.append(
                    f'\t{keys}) mapfile -t COMPREPLY < <(compgen -W "{" ".join(option.choices)}" -- "$cur"); return ;;'
                )
    lines += ["\tesac", '\tcase "$at" in']
    for page in pages:
        options = " ".join(name for option in page.options for name in option.names)
        lines.append(f'\t"{page.name}") options="{options}" verbs="{" ".join(map(_verb, page.verbs))}" ;;')
    lines += [
        "\tesac",
        "\tif [[ $cur == -* ]]; then",
        '\t\tmapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")',
        "\telif [[ -n $verbs ]]; then",
        '\t\tmapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")',
        "\telse",
        '\t\tmapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "\tfi",
        "}",
        "complete -o filenames -F _allocs allocs",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh(root: Page) -> str:
    lines = ["#compdef allocs", "# allocs for zsh; made by: allocs completion zsh"]
    for page in reversed(list(all_pages(root))):
        lines += ["", f"{_function(page)}() {{"]
        if page.verbs:
            lines += ["\tlocal -a verbs", "\tverbs=("]
            lines += [f"\t\t{_quoted(_verb(verb) + ':' + verb.summary.replace(':', ';'))}" for verb in page.verbs]
            lines += [
                "\t)",
                "\tif ((CURRENT == 2)) && [[ $words[CURRENT] == -* ]]; then",
                *_zsh_options(page),
                "\t\treturn",
            ]
            lines += ["\telif ((CURRENT == 2)); then", "\t\t_describe verb verbs", "\t\treturn", "\tfi"]
            lines += ["\tlocal word=${words[2]}", "\tshift words", "\t((CURRENT--))", '\tcase "$word" in']
            lines += [f"\t{_verb(verb)}) {_function(verb)} ;;" for verb in page.verbs]
            lines += ["\tesac"]
        else:
            lines += _zsh_options(page)
        lines.append("}")
    return "\n".join([*lines, "", '_allocs "$@"']) + "\n"


def _zsh_options(page: Page) -> list[str]:
    lines = ["\t_arguments -s \\"]
    for option in page.options:
        lines += [f"\t\t{_quoted(_zsh_option(option, name))} \\" for name in option.names]
    return [*lines, "\t\t'*:file:_files'" if page.files else "\t\t'*: :'"]


def _zsh_option(option: Option, name: str) -> str:
    text = option.help.replace("[", "(").replace("]", ")").replace(":", ";")
    if not option.argument:
        return f"{name}[{text}]"
    how = f"({' '.join(option.choices)})" if option.choices else "_files" if option.argument == "FILE" else ""
    return f"*{name}[{text}]:{option.argument}:{how}"


def _function(page: Page) -> str:
    return "_" + page.name.replace(" ", "_").replace("-", "_")


def _verb(page: Page) -> str:
    return page.name.rpartition(" ")[2]


def _fish(root: Page) -> str:
    lines = ["# allocs for fish; made by: allocs completion fish", "complete -c allocs -f"]
    for page in all_pages(root):
        path = page.name.split(" ")[1:]
        here = [f"__fish_seen_subcommand_from {word}" for word in path]
        if page.verbs:
            words = " ".join(_verb(verb) for verb in page.verbs)
            condition = "; and ".join([*here, f"not __fish_seen_subcommand_from {words}"])
            lines += [
                f"complete -c allocs -n {_quoted(condition)} -a {_verb(verb)} -d {_quoted(verb.summary)}"
                for verb in page.verbs
            ]
            here.append(f"not __fish_seen_subcommand_from {words}")
        condition = _quoted("; and ".join(here))
        if page.files and not page.verbs:
            lines.append(f"complete -c allocs -n {condition} -F")
        for option in page.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            value = f" -x -a {_quoted(' '.join(option.choices))}" if option.choices else ""
            if option.argument and not value:
                value = " -r -F" if option.argument == "FILE" else " -x"
            lines.append(f"complete -c allocs -n {condition} {names}{value} -d {_quoted(option.help)}")
    return "\n".join(lines) + "\n"
