"""What hypothesis draws configs and signatures from."""

import string

from hypothesis import strategies as st

from allocscc.config.model import Allocator, Config, Named, Override, Sized, Wrapper, gives_chunk, table
from allocscc.config.signature import Signature
from allocscc.values import replace

LETTERS = "zpsiludaZPSILUDA"
RESULTS = "zpiludv"
# Any printable text may be a symbol; blanks, brackets and colons make it a C++ name or a scoped one.
SYMBOLS = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="():<") | st.sampled_from("_*?.$\"'\\"),
    min_size=1,
    max_size=8,
)
IDENTIFIERS = st.text(string.ascii_letters + "_", min_size=1, max_size=4)
_QUALIFIED = st.lists(IDENTIFIERS, min_size=2, max_size=3).map("::".join)
_PARAMETERS = st.sampled_from(["", "(int)", "(unsigned long, char const*)", "(void (*)(int))", "(ns::x&) const"])
_OPERATORS = st.sampled_from(["operator new", "operator new[]", "operator()", "operator->", "pool::operator delete"])
CXX_NAMES = st.tuples(_QUALIFIED | _OPERATORS, _PARAMETERS).map("".join) | IDENTIFIERS.map(lambda name: f"{name}(int)")
FILES = st.lists(IDENTIFIERS, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".c")
ARGUMENTS = st.tuples(st.lists(st.sampled_from([*LETTERS, "P*"]), max_size=6), st.sampled_from([[], ["."]])).map(
    lambda parts: tuple(parts[0] + parts[1])
)
NAMES = SYMBOLS | CXX_NAMES
SIGNATURES = st.builds(
    Signature,
    NAMES,
    ARGUMENTS,
    st.sampled_from(RESULTS),
    st.just("") | NAMES | st.tuples(FILES, NAMES).map("::".join),
    st.just("") | FILES,
)
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp", "Zs")), min_size=1, max_size=6)
_PATHS = st.text(max_size=6).map(lambda name: "/" + name.replace("\0", ""))


def _few(strategy, most):
    return st.lists(strategy, max_size=most, unique=True).map(tuple)


# Few names, so that layers have much to disagree on.
_FUNCTION = st.builds(Signature, st.sampled_from("fg"), st.sampled_from([("Z",), ("P",)]), st.just("p"))
_KEY = st.sampled_from("xy")
_ORIGIN = st.sampled_from(["a:1", "b:2"])
_ENTRY = st.one_of(
    st.builds(
        Allocator, _KEY, st.tuples(_FUNCTION) | st.tuples(_FUNCTION, _FUNCTION), _few(_FUNCTION, 1),
        st.none() | _FUNCTION, st.sampled_from(["", "*"]), st.sampled_from(["", "preload"]), _ORIGIN,
        _few(_FUNCTION, 1), _few(_FUNCTION, 1), _few(_FUNCTION, 1), st.sampled_from(["", "f"]), st.booleans(),
        _few(_FUNCTION, 1), _few(_FUNCTION, 1),
    ),
    st.builds(
        Wrapper, _KEY, st.tuples(_FUNCTION), _few(_FUNCTION, 2), _ORIGIN, _few(_FUNCTION, 1), st.booleans()
    ),
    st.builds(lambda function, origin: Sized(function.name, function, origin), _FUNCTION, _ORIGIN),
    st.builds(Override, _KEY, _KEY, _KEY, _KEY, _KEY, _ORIGIN, st.booleans()),
)  # fmt: skip
_NAMED = st.builds(Named, st.sampled_from(["one", "two", "three"]), _ORIGIN)
_REMOVED = st.sampled_from(["f", "g", "wrapper.x", "allocator.y", "sized.f", "override.x"])
LAYERS = st.builds(
    Config,
    st.lists(_ENTRY, max_size=4).map(table),
    _few(st.builds(Named, _REMOVED, _ORIGIN), 2),
    st.sampled_from(["", "warn", "stop"]),
    st.sampled_from(["", "auto", "always", "never"]),
    st.dictionaries(st.sampled_from(["sites", "plan"]), _NAMED),
    _few(_NAMED, 2),
    _few(_NAMED, 2),
    _few(_KEY, 1),
    _few(_KEY, 1),
)


@st.composite
def files(draw):
    """A config that one file can say: every function in one place only."""
    names = draw(st.lists(SYMBOLS, unique=True, max_size=14))
    scopes = draw(st.lists(st.just("") | FILES, min_size=len(names), max_size=len(names)))
    pool = [
        Signature(name, ("z", "Z", "P", *draw(ARGUMENTS)), draw(st.sampled_from(RESULTS)), "", scope)
        for name, scope in zip(names, scopes, strict=True)
    ]

    def some(least=0):
        number = draw(st.integers(least, 3))
        taken, pool[:number] = tuple(pool[:number]), []
        return taken

    entries = []
    for name in draw(st.lists(PRINTABLE, unique=True, max_size=4)):
        kind = draw(st.sampled_from(["allocator", "wrapper", "override"]))
        disabled = draw(st.booleans())
        if kind == "override":
            texts = draw(st.lists(st.text(min_size=1, max_size=4), min_size=3, max_size=3))
            entries.append(Override(name, texts[0], texts[1], draw(st.text(max_size=3)), texts[2], "", disabled))
            continue
        alloc, resize, free = some(1), some(), some()
        if kind == "allocator":  # these say where their chunk is
            alloc, resize = (
                tuple(s if gives_chunk(s) else replace(s, ret="p") for s in group) for group in (alloc, resize)
            )
        if not alloc:
            disabled = True
        if kind == "wrapper":
            entries.append(Wrapper(name, alloc, free, "", resize, disabled))
            continue
        usable = draw(st.none() | st.just(Signature("usable", ("p",), "z")))
        key = draw(st.sampled_from(["", *(s.name for s in (*alloc, *resize))]))
        entries.append(
            Allocator(
                name, alloc, free, usable, draw(st.sampled_from(["", "*", "é\n"])),
                draw(st.sampled_from(["", "preload"])), "", resize, some(), some(), key, disabled, some(), some(),
            )
        )  # fmt: skip
    entries += [Sized(s.full_name, s) for s in some()]
    return Config(
        table(entries),
        tuple(map(Named, draw(st.lists(SYMBOLS.filter(lambda name: "." not in name), unique=True, max_size=2)))),
        draw(st.sampled_from(["", "warn", "stop"])),
        draw(st.sampled_from(["", "auto", "always", "never"])),
        draw(st.dictionaries(st.sampled_from(["sites", "plan"]), _PATHS.map(Named))),
        tuple(map(Named, draw(st.lists(_PATHS, max_size=2)))),
    )
