"""The proof for people: `allocscc.link.report`."""

from allocscc.link.report import verdict_text

_EMPTY = {
    "command": ["gcc", "a b.o"], "linker": "/usr/bin/ld", "proved": True, "explained": [], "unexplained": [],
    "traceless": [], "problems": [], "idle": [], "said": "",
}  # fmt: skip


def line(kind, name, sign="+", text=""):
    return {"sign": sign, "kind": kind, "name": name, "text": text or f"{name}: a thing", "fact": None, "growth": 0}


def test_no_difference():
    """R15: one sentence."""
    assert verdict_text(_EMPTY) == (
        "gcc 'a b.o'  [/usr/bin/ld]\n\n"
        "no difference between the vanilla link and ours: every one has a cause, every decision its trace\n"
    )


def test_lines_stand_with_their_cause():
    """R15: few lines in full, many by their names."""
    many = [{"line": line("symbol", f"s{n}"), "cause": "runtime: linked in"} for n in range(9)]
    few = [{"line": line("option", "--wrap=f", text="--wrap=f"), "cause": "f: wrap (r), because of x, c.toml:1"}]
    text = verdict_text({**_EMPTY, "explained": [*few, *many]})
    assert "f: wrap (r), because of x, c.toml:1\n  + option --wrap=f\n" in text
    assert "runtime: linked in\n  + 9 symbols: s0, s1, s2, s3, s4, s5 … and 3 more\n" in text
    assert "\n10 differences between" in text


def test_what_is_wrong_stands_at_the_end():
    """R15: each kind of fault under its own heading, and their number."""
    faults = {"unexplained": [line("symbol", "planted")], "traceless": ["f: wrap"], "problems": ["x.o: differs"]}
    text = verdict_text({**_EMPTY, **faults, "idle": ["g: replace"], "said": "warning: a\nb"})
    assert "decisions that had nothing to do:\n    g: replace\n" in text
    assert "our link phase said:\n    warning: a\n    b\n" in text
    assert "NOT EXPLAINED by any decision:\n  + symbol planted: a thing\n" in text
    assert "decisions that left NO TRACE:\n    f: wrap\n" in text
    assert "WRONG:\n    x.o: differs\n" in text
    assert text.endswith("1 difference between the vanilla link and ours: not proved: 3 to look at\n")
