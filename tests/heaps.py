"""Profiles for the tests of reports: a small one whose sums are known, a hostile one, and one of any size."""

import random
from dataclasses import replace

from allocscc.report.profile import Counts, Place, Profile, Row, Sample

MAIN = Place("/src/app/main.c", 12, 5, "main", "xmalloc", "sizeof")
PARSE = Place("/src/app/parse.c", 40, 9, "parse", "malloc", "sizeof")
OUTSIDE = Place(None, 0, 0, None, None, "none", "libc.so.6", "getline")

# The heap: 1000 bytes in 10 chunks at the peak, 500 in 5 live, 4000 in 40 in total.
NODES = Row("malloc", ("xmalloc", "xnew"), MAIN, "struct node", Counts(300, 3, 600, 6, 2400, 24))
TOKENS = Row("malloc", (), PARSE, "struct token", Counts(100, 1, 300, 3, 1200, 12))
LINES = Row("malloc", (), OUTSIDE, None, Counts(100, 1, 100, 1, 400, 4))
# Inside: pieces of the chunks above.
PIECES = Row("pool", ("pool_new",), MAIN, "struct piece", Counts(50, 5, 200, 20, 9000, 900), "malloc")

TIMELINE = (Sample(0, 0, 0), Sample(10, 700, 7), Sample(20, 950, 9), Sample(30, 500, 5))
SMALL = Profile(
    "/usr/bin/app", True, (NODES, TOKENS, LINES, PIECES), pid=77, reason="exit", number=1, ms=30, timeline=TIMELINE
)

EVIL = (
    "", "</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "<!--<script>",
    "\"quo'te\"", "\ud800",
    "a;b;c", "a#b", "tab\tnew\nline\r", "\x00nul", "\udc80\udcff", "\u2028\u2029", "\u202eevil", "é漢字🎉", "__proto__",
    "constructor", "$&$1\\1", "@@DATA@@", "%s%n%%", "&amp;&lt;", "x" * 3000,
)  # fmt: skip


def hostile() -> Profile:
    """Every hostile name in every place that holds one, and rows with nothing in them."""
    rows = []
    for number, name in enumerate(EVIL, 1):
        place = Place(name or None, number, 1, name, name, "sizeof")
        counts = Counts(number, 1, number * 10, 2, number * 100, 3)
        rows.append(Row(name, (name, name), place, name, counts))
        rows.append(Row("pool", (name,), replace(OUTSIDE, object=name, symbol=name), name, counts, name))
        rows.append(Row("empty", (name,), place, name, Counts()))
    return Profile(f"/bin/{EVIL[1]}\udc80", True, tuple(rows), reason=EVIL[2], ms=5)


def large(count: int, seed: int = 1) -> Profile:
    """So many rows, with few names of wrappers, many sites, and sizes as uneven as those of real programs."""
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        allocator = dice.choices(("malloc", "pool", "slab", "arena"), (8, 3, 2, 1))[0]
        folder, function = dice.randrange(40), dice.randrange(count // 3 + 1)
        wrappers = tuple(f"wrap_{folder % 7}_{step}" for step in range(dice.choice((0, 1, 1, 2, 3))))
        file = f"/src/big/project/mod{folder}/file{function % 97}.c"
        place = Place(file, function % 2000 + 1, number % 60, f"function_{function}", "f", "sizeof")
        size = int(dice.paretovariate(0.9) * 64)
        chunks = max(1, size // dice.randrange(16, 500))
        counts = Counts(size // 3, chunks // 3, size, chunks, size * 4, chunks * 4)
        kind = None if dice.random() < 0.2 else f"struct type_{function % 500}"
        rows.append(Row(allocator, wrappers, place, kind, counts, "malloc" if allocator == "pool" else None))
    samples = tuple(Sample(at * 30, at * 100_000 * (1 + at % 7), at * 1000) for at in range(300))
    return Profile("/usr/bin/large", True, tuple(rows), 7, "interval", 3, 9000, samples)
