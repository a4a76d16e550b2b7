"""Reads C text as `allocs suggest` does, without a compiler."""

from pathlib import Path

from allocscc.compile.tree import parse
from allocscc.config.load import merge_layers
from allocscc.config.model import Config
from allocscc.config.read import read_layer
from allocscc.suggest.extract import read_unit
from allocscc.suggest.facts import UnitFacts
from allocscc.suggest.judge import Suggestion, judge
from allocscc.suggest.run import roles_of
from allocscc.suggest.solve import Knowledge, solve

ROOT = Path(__file__).resolve().parents[3]
LIBC = """
typedef unsigned long size_t;
typedef __builtin_va_list va_list;
void *malloc(size_t); void *calloc(size_t, size_t); void *realloc(void *, size_t); void free(void *);
char *strdup(const char *); size_t strlen(const char *); void *memcpy(void *, const void *, size_t);
void abort(void);
"""


def facts(folder: Path, **sources: str) -> list[UnitFacts]:
    """What units say; each is named by its source without the suffix."""
    found = []
    for name, text in sources.items():
        path = folder / f"{name}.i"
        path.write_text(f'# 1 "libc.c"\n{LIBC}# 1 "{name}.c"\n{text}')
        found.append(read_unit(parse(str(path), path.read_bytes(), "c", [])))
    return found


def builtin() -> Config:
    """The config that everybody gets."""
    return merge_layers([read_layer(str(ROOT / "config" / "builtin.toml"))])


def knowledge(folder: Path, **sources: str) -> Knowledge:
    """What is known of the functions of some units."""
    units = facts(folder, **sources)
    return solve(units, roles_of(builtin(), units))


def suggestions(folder: Path, **sources: str) -> dict[str, Suggestion]:
    """The sure suggestions for some units, by the function's key."""
    return {one.key: one for one in judge(knowledge(folder, **sources)) if one.confidence >= 0.6}
