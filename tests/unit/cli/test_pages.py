"""Help, manual pages and completion say the same of every command, and every command says enough."""

import re
import subprocess
import sys

import pytest

from allocscc.cli.completion import SHELLS, completion
from allocscc.cli.main import Allocs, main
from allocscc.cli.man import manual, pages
from allocscc.cli.pages import all_pages, help_text, page_of

PAGES = list(all_pages(page_of(Allocs, "allocs")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_described(page):
    """Issue 7, 1: a description and an example for each; nothing is wider than a terminal."""
    assert page.summary.endswith(".")
    assert page.examples
    text = help_text(page, 80)
    lines = text.partition("\nExample")[0].splitlines()
    assert all(len(line) <= 80 for line in lines)
    for option in page.options:
        assert option.help, option
        assert "default is None" not in option.help


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_manual_has_all_of_the_help(page):
    """Issue 7, 1: made of one text."""
    roff = manual(page).replace("\\-", "-").replace("\\(aq", "'")
    for option in page.options:
        assert option.help.replace("…", "...") in roff
        assert all(name in roff for name in option.names)
    for example in page.examples:
        assert example.replace("…", "...").replace("\\", "\\e") in roff


def test_a_page_for_each_command():
    names = set(pages())
    assert {"allocs.1", "allocscc.1", "allocs-report.1", "allocs-config-show.1", "allocs-run.1"} <= names
    assert len(names) == len(PAGES) + 1


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_option(shell):
    """Issue 7, 1: verbs, options and their values."""
    text = completion(shell)
    for page in PAGES:
        assert page.name.rpartition(" ")[2] in text
        for option in page.options:
            assert all(name.lstrip("-") in text for name in option.names)
            assert all(choice in text for choice in option.choices)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["reprot"], 64, "there is no verb 'reprot'; did you mean 'report'?"),
        (["reprot", "--top", "3"], 64, "did you mean 'report'?"),
        (["config", "chekc"], 64, "did you mean 'check'?"),
        (["frobnicate"], 64, "'allocs --help' lists them"),
        (["report", "--tpo", "3", "x"], 64, "there is no option --tpo; did you mean '--top'?"),
        (["report", "--by", "tpye", "x"], 64, "did you mean 'type'?"),
        (["report", "--by", "type,type", "x"], 64, "each only once"),
        (["report", "--min", "much", "x"], 64, "'much' is no size"),
        (["report", "--sort", "size", "x"], 64, "--sort has to be {peak, live, total}"),
        (["report", "--columns", "pek", "x"], 64, "did you mean 'peak'?"),
        (["report"], 64, "which profile?"),
        (["diff", "x"], 64, "arguments are missing"),
        (["run"], 64, "which program?"),
        (["man", "reprot"], 64, "there is no page"),
    ],
)
def test_mistakes(words, status, said, capsys):
    """Issue 7, 1: one line that says what was meant, and the documented status."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (status, "")
    assert said in told.err
    assert len(told.err.splitlines()) == 1


def test_statuses_are_those_of_the_reference():
    """Issue 7, 1: one table, the same numbers as errors.py."""
    from pathlib import Path

    from allocscc import errors

    text = (Path(__file__).parents[3] / "docs" / "reference.md").read_text()
    section = text.partition("## Exit statuses")[2].partition("\n## ")[0]
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.M)}
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {value.status for value in classes if issubclass(value, errors.AllocsError)}
    assert used <= documented
    assert {str(number) for number in documented} >= set(re.findall(r"^\.B (\d+)$", manual(PAGES[0]), re.M))


def test_the_build_path_imports_nothing_of_this():
    """Issue 7, 2: rich and plumbum cost a compile nothing."""
    code = (
        "import sys, allocscc.compile.phase, allocscc.link.phase\n"
        "sys.exit(any(name.split('.')[0] == 'rich' or name.startswith('allocscc.cli') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_verb_imports_only_its_own_module():
    """Issue 7, 1: start-up stays quick."""
    code = (
        "import sys\nfrom allocscc.cli.main import main\n"
        "try:\n main(['sites', '/dev/null'])\nexcept SystemExit: pass\n"
        "sys.exit(any(n in sys.modules for n in ('rich', 'allocscc.cli.report', 'allocscc.cli.run', 'tomlkit')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
