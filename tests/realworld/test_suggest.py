"""`allocs suggest` on real projects, built without their packs, against these packs (R15)."""

import os
from pathlib import Path

import pytest

from allocscc.config.check import findings
from allocscc.config.load import merge_layers, validate
from allocscc.config.model import functions_of
from allocscc.config.read import read_layer, read_text
from allocscc.suggest.entries import group, to_text
from benchmarks.jqsource import ROOT, UnavailableError
from benchmarks.suggest import GOAL, MATERIAL, SURE, Score, line_of, measure

from .conftest import Builds

QUICK = {material.name: material for material in MATERIAL if material.name in ("jq", "Lua", "SQLite")}
_SAME = str.maketrans("s", "p")


@pytest.fixture(scope="module", params=QUICK)
def score(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Score:
    """What is found in each project; jq's build is that of the other tests."""
    material = QUICK[request.param]
    if material.name == "jq":
        builds: Builds = request.getfixturevalue("jq_builds")
        return measure(material, builds.ours.tree)
    try:
        tree = material.build(str(tmp_path_factory.mktemp(material.name)))
    except UnavailableError as error:
        pytest.skip(f"needs the source of {material.name}: {error}")
    return measure(material, tree)


def test_precision_and_recall(score: Score) -> None:
    """R15: nine of ten suggestions are right, and nine of ten of the pack's functions are suggested."""
    assert len(score.truth) >= 10
    assert score.precision >= GOAL, f"{line_of(score)}\nwrong: {sorted(score.wrong)}"
    assert score.recall >= GOAL, f"{line_of(score)}\nmissed: {sorted(score.missed)}"


def test_every_source_is_read(score: Score) -> None:
    """R15: the table's figures are about the whole project."""
    assert score.found.problems == ()


def test_what_is_printed_is_a_config(score: Score) -> None:
    """R15: it reads, fits the built-in description, and there is nothing to tell about it."""
    builtin = read_layer(os.path.join(ROOT, "config", "builtin.toml"))
    chosen = [one for one in score.found.suggestions if one.confidence >= SURE]
    layer = read_text("new.toml", to_text(group(chosen, merge_layers([builtin])), str(Path.cwd())))
    validate(merge_layers([builtin, layer]))
    assert findings([builtin, layer]) == []


def test_signatures_are_the_packs(score: Score) -> None:
    """R15: number of arguments and which of them have a role, for nine of ten; a text may be `s` or `p`."""
    entries = [entry for pack in QUICK[score.name].packs
               for entry in read_layer(os.path.join(ROOT, "config", f"{pack}.toml")).entries.values()]  # fmt: skip
    packs = {signature.full_name: signature for entry in entries for _, signature in functions_of(entry)}
    said = {one.key: one.signature for one in score.found.suggestions if one.key in score.right}
    differ = {
        key: (text, str(packs[key]))
        for key, text in said.items()
        if text.translate(_SAME) != str(packs[key]).translate(_SAME)
    }
    assert len(differ) <= len(said) * (1 - GOAL), differ
