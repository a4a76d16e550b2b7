"""Suggestions as TOML that reads back (R15)."""

from pathlib import Path

from allocscc.config.load import merge_layers, validate
from allocscc.config.read import read_text
from allocscc.suggest.entries import group, reason, to_text
from allocscc.suggest.judge import Suggestion

from .reading import builtin, suggestions


def made(key: str, **changed: object) -> Suggestion:
    """A suggestion."""
    values: dict[str, object] = {
        "key": key, "kind": "wrapper", "list": "alloc", "signature": f"{key}(Z)p", "confidence": 0.9, "why": "it does",
        "file": "util.c", "line": 7, "callers": 2, "via": ("malloc",), "region": "",
    }  # fmt: skip
    return Suggestion(**{**values, **changed})  # type: ignore[arg-type]


def test_it_reads_back(tmp_path: Path) -> None:
    """R15: what is printed is a valid config with each function in its list, beside what there is."""
    text = (
        "void *xmalloc(size_t n) { return malloc(n); } void *xrealloc(void *p, size_t n) { return realloc(p, n); }"
        "void xfree(void *p) { free(p); } void use(void) { xfree(xmalloc(1)); }"
        "static void *own(size_t n) { return malloc(n); } void two(void) { own(1); own(2); }"
    )
    printed = to_text(group(list(suggestions(tmp_path, one=text).values()), builtin()), str(tmp_path))
    layer = read_text("new.toml", printed)
    validate(merge_layers([builtin(), layer]))
    entry = layer.wrappers["own"] if "own" in layer.wrappers else next(iter(layer.wrappers.values()))
    assert {str(one) for one in entry.alloc} == {"xmalloc(Z)p", "one.c::own(Z)p"}
    assert [str(one) for one in entry.resize] == ["xrealloc(PZ)p"]
    assert [str(one) for one in entry.free] == ["xfree(P)"]


def test_names_are_not_taken_twice() -> None:
    """R15: an entry of the config keeps its name: one of the same name would replace it."""
    config = merge_layers([builtin(), read_text("a.toml", '[wrapper.get]\nalloc = ["other(Z)p"]\n')])
    assert [one.name for one in group([made("get")], config)] == ["get_2"]


def test_who_frees_is_taken_from_below() -> None:
    """R15: where a project has no function that frees, that of the entry that memory comes from does."""
    assert group([made("get")], builtin())[0].freed_by == "free(P)"
    assert group([made("get", via=("inner",))], builtin())[0].freed_by == ""
    free = made("drop", list="free", signature="drop(P)")
    assert group([made("get"), free], builtin())[0].freed_by == ""


def test_a_family_has_its_own_free() -> None:
    """R15: what takes from one region is one family, with the functions that take the same region."""
    members = [
        made("pool_get", kind="allocator", signature="pool_get(pZ)p", region="struct pool"),
        made("pool_put", list="free", signature="pool_put(pP)", region="struct pool"),
        made("get"),
    ]
    printed = to_text(group(members, builtin()), "/")
    layer = read_text("new.toml", printed)
    assert [str(one) for one in layer.allocators["pool_get"].free] == ["pool_put(pP)"]
    assert layer.allocators["pool_get"].suballocates == "*"
    assert list(layer.wrappers) == ["get"]


def test_a_reason_is_one_line() -> None:
    """R15: file names may hold anything, a comment ends with its line."""
    told = reason(made("get", file="/src/a\nb.c"), "/src")
    assert told == "0.90: it does (a?b.c:7; 2 calls)"
