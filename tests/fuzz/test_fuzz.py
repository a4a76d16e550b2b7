"""A seeded set of damaged inputs: never a traceback, never a changed answer; `make fuzz` runs more."""

import random

import pytest

from tests.fuzz.__main__ import linkers
from tests.fuzz.corpus import Corpus, make_corpus
from tests.fuzz.links import KINDS, difference
from tests.fuzz.mutate import mutant
from tests.fuzz.parsers import check

_SEED = 5
_READ, _READ_AT_ONCE = 1500, 100
_LINKED, _LINKED_AT_ONCE = 25, 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The specimens, and a cache of their own."""
    return make_corpus(tmp_path_factory.mktemp("fuzz"), tmp_path_factory.mktemp("cache"))


def test_whole_specimens(corpus: Corpus) -> None:
    """R6: undamaged, every specimen reads."""
    assert len(corpus.specimens) > 20
    for specimen in corpus.specimens:
        check(specimen, specimen.data, corpus)


def test_the_same_seed_makes_the_same_inputs(corpus: Corpus) -> None:
    """R3: what was found once can be found again."""
    specimens = list(corpus.specimens)
    assert [mutant(1, n, specimens) for n in range(20)] == [mutant(1, n, specimens) for n in range(20)]
    assert len({mutant(1, n, specimens)[1] for n in range(20)}) > 15


@pytest.mark.parametrize("start", range(0, _READ, _READ_AT_ONCE))
def test_readers(corpus: Corpus, start: int) -> None:
    """R6, R15: objects, archives, sidecars, plans and the survey: errors of ours only, in bounded time and memory."""
    specimens = list(corpus.specimens)
    for number in range(start, start + _READ_AT_ONCE):
        specimen, data = mutant(_SEED, number, specimens)
        try:
            check(specimen, data, corpus)
        except Exception as error:
            raise AssertionError(f"mutant {number} of {specimen.name}: {error!r}") from error


@pytest.mark.parametrize("start", range(0, _LINKED, _LINKED_AT_ONCE))
def test_links(corpus: Corpus, start: int) -> None:
    """R3, R6: status and messages are the real linker's."""
    specimens = list(corpus.specimens)
    for number in range(start, start + _LINKED_AT_ONCE):
        specimen, data = mutant(_SEED, -1 - number, specimens, KINDS)
        problem = difference(specimen, data, corpus, linkers(), random.Random(f"{_SEED}:link:{number}"))
        assert not problem, f"mutant {number} of {specimen.name}: {problem}"
