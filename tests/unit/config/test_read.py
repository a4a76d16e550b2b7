"""One TOML file as a layer: `allocscc.config.read`."""

import errno
import os

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config import read
from allocscc.config.model import Allocator, Config, Named, Override, Sized, Wrapper
from allocscc.config.read import MAX_BYTES, nearest, read_layer, read_text
from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import ConfigError, SignatureError
from tests.unit.damage import nothing_but

_KEYS = [
    "allocator", "wrapper", "override", "sized", "use", "remove", "on-error", "observe", "sidecar", "hooks", "stubgen",
    "alloc", "free", "resize", "free-chain", "free-since", "free-all", "usable-size", "meta", "key", "suballocates",
    "interpose", "disable", "function", "callee", "says", "type", "file", "sites", "plan", "include", "x", "\x1b[31m",
]  # fmt: skip
_TEXTS = ["f(Z)p", "g(P)", "a::b(int)(Z)p", "operator new(Z)p", "*_x(Z)p", "u.c::f(P)", "wrapper.x", "f", "", "\x1b\n"]
_VALUES = st.recursive(
    st.sampled_from(_TEXTS) | st.text(max_size=5) | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
    max_leaves=12,
)


def fail(text, kind=ConfigError):
    """The message for a file `p.toml` with this text."""
    with pytest.raises(kind) as caught:
        read_text("p.toml", text)
    assert caught.value.status == 78
    return str(caught.value)


def signature(text):
    return parse_signature(text)


def test_all_keys():
    """R1: every key of the format arrives, with file and line of each entry."""
    config = read_text(
        "/p/allocscc.toml",
        """\
on-error = "stop"
observe = "unwind"
sized = ["ckd_calloc_2d(iiIpi)p"]
use = ["glib", "./more.toml"]
remove = ["wrapper.old", "older"]
[sidecar]
file = "never"
[hooks]
sites = "hooks.py"
plan = "/else/hooks.py"
[stubgen]
include = ["my_hooks.h"]
[allocator.slab]
alloc = ["slab_get(Z)p", "slab_zget(Z)p"]
resize = ["slab_grow(PZ)p"]
free = ["slab_put(P)"]
free-all = ["slab_drop(p)"]
free-chain = ["slab_list(P)"]
free-since = ["slab_back(P)"]
meta = ["slab_trim(z)"]
key = "slab_zget"
usable-size = "slab_size(p)z"
suballocates = "malloc"
interpose = "preload"
[wrapper.x]
alloc = ["xmalloc(Z)p"]
resize = ["xrealloc(pZ)p"]
free = ["xfree(P)"]
[wrapper.off]
disable = true
[override.o]
function = "S_more_sv"
callee = "Perl_safesysmalloc"
says = "char"
type = "sv"
""",
    )
    assert config == Config(
        entries={
            "allocator.slab": Allocator(
                "slab", (signature("slab_get(Z)p"), signature("slab_zget(Z)p")), (signature("slab_put(P)"),),
                signature("slab_size(p)z"), "malloc", "preload", "", (signature("slab_grow(PZ)p"),),
                (signature("slab_drop(p)"),), (signature("slab_trim(z)"),), "slab_zget", False,
                (signature("slab_list(P)"),), (signature("slab_back(P)"),),
            ),
            "wrapper.x": Wrapper(
                "x", (signature("xmalloc(Z)p"),), (signature("xfree(P)"),), "", (signature("xrealloc(pZ)p"),)
            ),
            "wrapper.off": Wrapper("off", disabled=True),
            "override.o": Override("o", "S_more_sv", "Perl_safesysmalloc", "char", "sv"),
            "sized.ckd_calloc_2d": Sized("ckd_calloc_2d", signature("ckd_calloc_2d(iiIpi)p")),
        },
        removed=(Named("wrapper.old"), Named("older")), on_error="stop", sidecar_file="never", observe="unwind",
        hooks={"sites": Named("/p/hooks.py"), "plan": Named("/else/hooks.py")}, includes=(Named("/p/my_hooks.h"),),
        uses=(Named("glib"), Named("./more.toml")), origins=("/p/allocscc.toml",),
    )  # fmt: skip
    assert {key: entry.origin.partition(":")[2] for key, entry in config.entries.items()} == {
        "sized.ckd_calloc_2d": "3", "allocator.slab": "13", "wrapper.x": "25", "wrapper.off": "29", "override.o": "31",
    }  # fmt: skip
    named = [*config.removed, *config.uses, *config.hooks.values(), *config.includes]
    assert [n.origin.partition(":")[2] for n in named] == ["5", "5", "4", "4", "9", "10", "12"]


def test_order_of_entries_is_the_file_s():
    """R1: of entries of one file the later is the stronger, whatever their kinds."""
    text = '[wrapper.b]\nalloc = ["b(Z)p"]\n[allocator.a]\nalloc = ["a(Z)p"]\n[wrapper.c]\nalloc = ["c(Z)p"]\n'
    assert list(read_text("p.toml", text).entries) == ["wrapper.b", "allocator.a", "wrapper.c"]


def test_empty_file_says_nothing():
    """R1: an empty file is a layer that changes nothing."""
    assert read_text("p.toml", "") == Config(on_error="", sidecar_file="", origins=("p.toml",))


def test_origin_names_the_right_table():
    """R1: every entry knows its origin, also beside a table whose name contains its own."""
    text = "".join(
        f'\n[wrapper.{name}]\nalloc = ["{function}(Z)p"]\n'
        for name, function in (("xmalloc", "f"), ("x", "g"), ("malloc_x", "h"), ('"a.b\\"c"', "k"), ("'l\\'", "m"))
    )
    found = {entry.name: entry.origin for entry in read_text("p.toml", text).entries.values()}
    assert found == {
        "xmalloc": "p.toml:2", "x": "p.toml:5", "malloc_x": "p.toml:8", 'a.b"c': "p.toml:11", "l\\": "p.toml:14",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ('\non-eror = "stop"\n', 2, "unknown key 'on-eror'; did you mean 'on-error'?"),
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nfre = ["y(P)"]\n', 3, "unknown key 'wrapper.x.fre'; did you mean 'free'?"),
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nmeta = []\n', 3, "'wrapper.x.meta'; allowed: alloc, disable, free, resize"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nusable_size = ""\n', 3, "did you mean 'usable-size'?"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nfree_all = []\n', 3, "did you mean 'free-all'?"),
        (
            '[allocator.x]\nalloc = ["x(Z)p"]\nzzz = 1\n',
            3,
            "allowed: alloc, disable, free, free-all, free-chain, free-since, interpose, key, meta, resize,"
            " suballocates, usable-size",
        ),
        ('[override.x]\nfunktion = "f"\n', 2, "unknown key 'override.x.funktion'; did you mean 'function'?"),
        ('[sidecar]\nfiel = "auto"\n', 2, "unknown key 'sidecar.fiel'; did you mean 'file'?"),
        ('[hooks]\nsite = "x.py"\n', 2, "unknown key 'hooks.site'; did you mean 'sites'?"),
        ('[stubgen]\nincludes = ["x.h"]\n', 2, "unknown key 'stubgen.includes'; did you mean 'include'?"),
        ('# one\n\n[wrappers.x]\nalloc = ["x(Z)p"]\n', 3, "unknown key 'wrappers'; did you mean 'wrapper'?"),
        ("[wrapper.a]\nalloc = ['a(Z)p']\n[wrapper.b]\naloc = []\n", 4, "did you mean 'alloc'?"),
        ("[wrapper.xa]\nalloc = ['a(Z)p']\n[wrapper.a]\nalloc = ['b(Z)p']\nfee = []\n", 5, "did you mean 'free'?"),
        ("wrapper.a.aloc = []\n", 1, "unknown key 'wrapper.a.aloc'; did you mean 'alloc'?"),
        ("\nwrapper = { a = { aloc = [] } }\n", 2, "unknown key 'wrapper.a.aloc'; did you mean 'alloc'?"),
    ],
)
def test_unknown_key(text, line, hint):
    """R1: an unknown key is an error with file, line, key and the nearest name."""
    message = fail(text)
    assert hint in message
    assert message.startswith(f"p.toml:{line}: ")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[wrapper.x]\nalloc = "x(Z)p"\n', 2, "wrapper.x.alloc must be a list of signatures"),
        ("[wrapper.x]\nalloc = [1]\n", 2, "wrapper.x.alloc must be a list of signatures"),
        ("[wrapper.x]\nalloc = []\n", 1, "wrapper.x.alloc must list at least one signature"),
        ("[wrapper.x]\n", 1, "wrapper.x.alloc must list at least one signature"),
        ("[allocator.x]\nalloc = []\n", 1, "allocator.x.alloc must list at least one signature"),
        ('[allocator.x]\nfree = ["f(P)"]\n', 1, "allocator.x.alloc must list at least one signature"),
        ("wrapper = 3\n", 1, "wrapper must be a table, e.g. [wrapper.NAME]"),
        ("[wrapper]\nx = 3\n", 2, "wrapper.x must be a table, e.g. [wrapper.x]"),
        ("[[wrapper.x]]\nalloc = []\n", 1, "wrapper.x must be a table"),
        ("\nhooks = 1\n", 2, "hooks must be a table, e.g. [hooks]"),
        ('\nsidecar = "auto"\n', 2, "sidecar must be a table, e.g. [sidecar]"),
        ('\nstubgen = "x.h"\n', 2, "stubgen must be a table"),
        ("\n[hooks]\nsites = 3\n", 3, "hooks.sites is 3; it must be a string"),
        ('\n[stubgen]\ninclude = "x.h"\n', 3, "stubgen.include must be a list of C headers"),
        ('\non-error = "explode"\n', 2, 'allowed: "warn", "stop"'),
        ("\non-error = false\n", 2, 'allowed: "warn", "stop"'),
        ("\non-error = 0\n", 2, 'allowed: "warn", "stop"'),
        ('\non-error = ""\n', 2, 'allowed: "warn", "stop"'),
        ('\nobserve = "frames"\n', 2, 'allowed: "stubs", "unwind"'),
        ("\nobserve = true\n", 2, 'allowed: "stubs", "unwind"'),
        ('\n[sidecar]\nfile = ["auto"]\n', 3, 'allowed: "auto", "always", "never"'),
        ("\n[sidecar]\nfile = []\n", 3, 'allowed: "auto", "always", "never"'),
        ('[allocator.x]\nalloc = ["x(Z)p"]\ninterpose = "postload"\n', 3, 'allowed: "preload"'),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nsuballocates = 3\n', 3, "allocator.x.suballocates is 3"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\ndisable = "yes"\n', 3, "it must be true or false"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nusable-size = ["u(p)z"]\n', 3, "it must be a string"),
        ('sized = "x(Z)p"\n', 1, "sized must be a list of signatures"),
        ('use = "glib"\n', 1, 'use must be a list of packs, e.g. ["glib"]'),
        ("remove = [1]\n", 1, "remove must be a list such as"),
        ('[override.x]\nfunction = "f"\ncallee = "g"\n', 1, "override.x.type is missing"),
        ('[override.x]\nfunction = ""\ncallee = "g"\ntype = "t"\n', 1, "override.x.function is missing"),
        ('[override.x]\nfunction = ["f"]\ncallee = "g"\ntype = "t"\n', 2, "override.x.function is ['f']"),
    ],
)
def test_wrong_type_or_choice(text, line, what):
    """R1: a value of the wrong kind is an error that says what is allowed."""
    message = fail(text)
    assert what in message
    assert message.startswith(f"p.toml:{line}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nfree = ["f(z)"]\n', 3, "wrapper.x.free: f(z) names no chunk; write P"),
        ('[wrapper.x]\nresize = [\n "g(PZ)p",\n "r(Z)p",\n]\n', 4, "wrapper.x.resize: r(Z)p names no chunk"),
        (
            '[allocator.x]\nalloc = ["x(Z)p"]\nfree = ["xfree(P)",\n"free(z)"]\n',
            4,
            "allocator.x.free: free(z) names no",
        ),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nfree-chain = ["d()"]\n', 3, "allocator.x.free-chain: d() names no chunk"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nfree-since = ["d()"]\n', 3, "allocator.x.free-since: d() names no chunk"),
        ('[allocator.x]\nalloc = [\n"x(Z)p",\n"init(pZ)"]\n', 4, "allocator.x.alloc: init(pZ) gives no chunk; it must"),
        (
            '[allocator.x]\nalloc = ["x(Z)i"]\n',
            2,
            "allocator.x.alloc: x(Z)i gives no chunk; it must return a pointer (p)",
        ),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nresize = ["r(PZ)"]\n', 3, "allocator.x.resize: r(PZ) gives no chunk"),
        (
            '[allocator.x]\nalloc = ["x(Z)p"]\nusable-size = "u(pz)z"\n',
            3,
            "usable-size: u(pz)z must take the chunk alone",
        ),
        (
            '[allocator.x]\nalloc = ["get(Z)p"]\nkey = "gett"\n',
            3,
            "is 'gett', no function of alloc; did you mean 'get'?",
        ),
        ('[wrapper."a\\u001bb"]\nalloc = ["x(Z)p"]\n', 1, "must be printable text"),
        ('[allocator.""]\nalloc = ["x(Z)p"]\n', 1, "must be printable text"),
        ('\nremove = ["wraper.x"]\n', 2, "remove: there is no kind of entry 'wraper'; did you mean 'wrapper'?"),
        ('[wrapper.x]\nalloc = ["a::b<int>::f()(Z)p"]\n', 2, "templates have no name to mangle; write the symbol"),
    ],
)
def test_contradictions(text, line, what):
    """R1: entries that cannot mean anything are told, with the line of the function in question."""
    message = fail(text)
    assert what in message
    assert message.startswith(f"p.toml:{line}: ")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[wrapper.x]\nalloc = ["f(Z)p", "f(zZ)p"]\n', 1, "wrapper.x.alloc lists f twice"),
        ('[wrapper.x]\nalloc = ["f(Z)p"]\nfree = ["g(P)", "g(P)"]\n', 1, "wrapper.x.free lists g twice"),
        ('sized = ["f(Z)p", "g(Z)p", "f(zZ)p"]\n', 1, "sized lists f twice"),
        (
            '[wrapper.x]\nalloc = ["f(Z)p"]\n[wrapper.y]\nalloc = ["f(Z)p"]\n',
            3,
            "wrapper.y and wrapper.x (p.toml:1) both claim f; a function has one role, say it once",
        ),
        ('[wrapper.x]\nalloc = ["f(Z)p"]\n[allocator.y]\nalloc = ["f(Z)p"]\n', 3, "both claim f"),
        ('sized = ["f(Z)p"]\n[wrapper.x]\nresize = ["f(PZ)p"]\n', 2, "wrapper.x and sized.f (p.toml:1) both claim f"),
        (
            '[allocator.x]\nalloc = ["a(Z)p"]\nfree = ["f(P)"]\n[allocator.y]\nalloc = ["b(Z)p"]\nfree = ["f(P)"]\n',
            4,
            "both claim f",
        ),
        ('[wrapper.x]\nalloc = ["f(PZ)p"]\nresize = ["f(PZ)p"]\n', 1, "both claim f"),
        ('[wrapper.x]\nalloc = ["u.c::f(Z)p"]\n[wrapper.y]\nalloc = ["u.c::f(Z)p"]\n', 3, "both claim u.c::f"),
        (
            '[wrapper.x]\nalloc = ["p::get(int)(i)p"]\n[wrapper.y]\nalloc = ["_ZN1p3getEi(i)p"]\n',
            3,
            "both claim _ZN1p3getEi",
        ),
    ],
)
def test_duplicates(text, line, what):
    """R1: one file says one thing of a function; the message names both places."""
    message = fail(text)
    assert what in message
    assert message.startswith(f"p.toml:{line}: ")


@pytest.mark.parametrize(
    "text",
    [
        '[wrapper.x]\nalloc = ["f(Z)p"]\nfree = ["free(P)"]\n[wrapper.y]\nalloc = ["g(Z)p"]\nfree = ["free(P)"]\n',
        '[allocator.x]\nalloc = ["f(Z)p"]\nfree = ["free(P)"]\n[wrapper.y]\nalloc = ["g(Z)p"]\nfree = ["free(P)"]\n',
        '[wrapper.x]\nalloc = ["u.c::f(Z)p"]\n[wrapper.y]\nalloc = ["f(Z)p"]\n[wrapper.z]\nalloc = ["v.c::f(Z)p"]\n',
        '[allocator.x]\nalloc = ["f(PZ)p"]\nfree = ["f(PZ)p"]\n',
        '[allocator.x]\nalloc = ["f(Z)p"]\nmeta = ["m()"]\n[allocator.y]\nalloc = ["g(Z)p"]\nmeta = ["m()"]\n',
        '[wrapper.x]\nfree = ["f(P)"]\n',
        '[wrapper.x]\nresize = ["f(pZ)p"]\n',
    ],
)
def test_no_contradiction(text):
    """R1: wrappers share the function that frees; static functions of one name are different ones."""
    assert read_text("p.toml", text).entries


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nfree = ["y(Q)"]\n', 3, 3),
        ('[allocator.x]\nalloc = ["x(Z"]\n', 2, 4),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nusable-size = "what"\n', 3, 5),
        ('[allocator.x]\nalloc = [\n  "xmalloc(Z)p",\n  "malloc(Z)p",\n  "mal loc(Z)p",\n]\n', 5, 4),
        ("sized = ['f(Z)p',\n 'g(*)p']\n", 2, 3),
    ],
)
def test_bad_signature(text, line, column):
    """R1: a bad signature names the file, the line and the column, which is marked."""
    message = fail(text, SignatureError)
    assert message.startswith(f"p.toml:{line}: bad signature, expected ")
    first, _, marker = message.split("\n")
    assert first.endswith(f"at column {column}:")
    assert marker == " " * (column + 1) + "^"


def test_cxx_names_become_symbols():
    """R1: written readably or mangled, it is the same function; the written name is kept for people."""
    config = read_text(
        "p.toml",
        'sized = ["ns::f(Z)p"]\nremove = ["pool::put(void*)", "ns::g"]\n[allocator.pool]\n'
        'alloc = ["pool::get(unsigned long)(pZ)p"]\nkey = "pool::get(unsigned long)"\n',
    )
    family = config.allocators["pool"]
    assert family.alloc == (Signature("_ZN4pool3getEm", ("p", "Z"), "p"),)
    assert family.key_symbol == "_ZN4pool3getEm"
    assert family.alloc[0].full_name == "pool::get(unsigned long)"
    assert [named.name for named in config.removed] == ["_ZN4pool3putEPv", "_ZN2ns1gE*", "_ZNK2ns1gE*"]
    assert list(config.sized) == ["_ZN2ns1fE*", "_ZNK2ns1fE*"]


def test_scoped_names_stay():
    """R1: `util.c::f` is C, whatever is removed or listed."""
    config = read_text("p.toml", 'remove = ["util.c::f"]\n[wrapper.x]\nalloc = ["lib/util.c::g(Z)p"]\n')
    assert config.removed == (Named("util.c::f"),)
    assert config.wrappers["x"].alloc == (Signature("g", ("Z",), "p", scope="lib/util.c"),)


def test_value_s_whole_text_is_not_in_the_message():
    """R1: a message stays readable, however long or deep the value is."""
    assert len(fail(f'on-error = "{"x" * 100_000}"')) < 200
    assert len(fail(f"on-error{'.a' * 2000} = 1")) < 300


@pytest.mark.parametrize(
    "text",
    [
        "[wrapper.x\n",
        "x = " + "9" * 5000,
        "x = " + "[" * 5000,
        "x = [" + "{a = " * 5000,
        "x = 1979-13-41",
        'x = "\\ud800"',
        "x = '\x00'",
        "\ufeffsized = []",
        "[wrapper.x]\n[wrapper.x]\n",
        "a.b = 1\n[a]\nb = 2\n",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_not_toml(text):
    """R1: TOML's own message, with the file in front; no traceback, whatever Python's parser stumbles over."""
    assert fail(text).startswith("p.toml: not TOML: ")


def test_not_utf8(tmp_path):
    """R1: the line of the first wrong byte is named."""
    path = tmp_path / "p.toml"
    path.write_bytes(b'# fine\n[wrapper.x]\nalloc = ["\xff(Z)p"]\n')
    with pytest.raises(ConfigError, match=r"p\.toml:3: not UTF-8; save the file as UTF-8$"):
        read_layer(str(path))


def test_control_characters_stay_away_from_the_terminal():
    """R1: names in a file may hold anything; the message does not."""
    for text in (
        '"\\u001b[31m" = 1',
        '[wrapper."\\u009b"]\n"\\u0007" = 1',
        'use = "\\u001b"',
        'remove = ["\\u001b.x"]',
    ):
        assert not set(fail(text)) & {"\x1b", "\x9b", "\x07"}


@pytest.mark.parametrize(
    "where", ["missing.toml", ".", "no/such/folder.toml", "dangling", "loop", "fifo", "file/below"]
)
def test_unreadable(tmp_path, where):
    """R1: a file that was asked for and cannot be read is an error, not silence; a pipe is not waited for."""
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    path = os.path.join(tmp_path, where)
    with pytest.raises(ConfigError) as caught:
        read_layer(path)
    first, *more = str(caught.value).split("\n")
    assert first.startswith(f"{path}: cannot be read: ")
    assert not more


def test_no_permission(tmp_path, monkeypatch):
    """R1: the system's reason is told."""
    path = tmp_path / "p.toml"
    path.write_text("")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(read, "open", refuse, raising=False)
    with pytest.raises(ConfigError, match=r"p\.toml: cannot be read: Permission denied$"):
        read_layer(str(path))


def test_name_with_nul():
    """R1: what cannot be a file name is told like any other one."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_layer("a\0b")


def test_huge_file(tmp_path):
    """R1: a file of 10 MB is no description, and is not waited for; one of the allowed size is read."""
    path = tmp_path / "p.toml"
    path.write_bytes(b"#" * 10_000_000)
    with pytest.raises(ConfigError, match=r"p\.toml: larger than 1 MiB; is this the right file\?$"):
        read_layer(str(path))
    path.write_bytes(b"#" * MAX_BYTES)
    assert read_layer(str(path)).entries == {}


def test_no_file_at_all():
    """R1: /dev/null stands for an empty file."""
    assert read_layer(os.devnull).entries == {}


@pytest.mark.parametrize(
    ("name", "allowed", "hint"),
    [("glob", ["glib", "apr"], "did you mean 'glib'?"), ("zzz", ["b", "a"], "allowed: a, b")],
)
def test_nearest(name, allowed, hint):
    """R1: a near name, or else all of them."""
    assert nearest(name, allowed) == hint


@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=4))
def test_any_document(document):
    """R1: whatever TOML says, it is a config or an error of ours that names the file."""
    text = tomlkit.dumps(document)
    with nothing_but(ConfigError, "p.toml"):
        assert isinstance(read_text("p.toml", text), Config)


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(["[wrapper.x]\n", 'alloc = ["', "f(Z)p", '"]\n', "[", "]", '"', "\n", "a.b = ", "'"])
    ).map("".join)
)
def test_any_text(text):
    """R1: so is any text."""
    with nothing_but(ConfigError, "p.toml"):
        assert isinstance(read_text("p.toml", text), Config)


@given(data=st.binary(max_size=40))
def test_any_bytes(data, tmp_path_factory):
    """R1: and any file."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    with nothing_but(ConfigError, "any.toml"):
        assert isinstance(read_layer(str(path)), Config)
