"""Names put into compiled templates: `allocscc.link.template`, `allocscc.link.objects`."""

import subprocess
from pathlib import Path

import pytest

from allocscc.config.model import Allocator, Config, Named, Wrapper, table
from allocscc.config.signature import parse_signature
from allocscc.elf.object import SHT_SYMTAB, ElfObject, cstring
from allocscc.errors import ToolError
from allocscc.link.objects import stub_objects
from allocscc.link.plan import CALLER, ENTRY, REPLACE, WRAP, Decision
from allocscc.link.stubs import stub_source
from allocscc.link.template import Placeholders

ROOT = Path(__file__).resolve().parents[3]


def nothing_cached(_source, _config):
    return False


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


_POOL = Allocator(
    "a pool; of ²", signatures("get(pZ)p more(PZ)p"), signatures("put(pP)"), parse_signature("size(p)z"), "malloc"
)
_LONG = "a_function_with_a_name_that_is_longer_than_sixty_four_characters_so_that_it_takes_the_next_step"
_CONFIG = Config(
    table([
        _POOL,
        Wrapper("x", signatures(f"xmalloc(Z)p ymalloc(Z)p zmalloc(zZ)p {_LONG}(Z)p"), signatures("xfree(P)")),
    ])
)  # fmt: skip


def wrapper(name, action=WRAP):
    signature = next(s for s in _CONFIG.wrappers["x"].alloc if s.name == name)
    return Decision(name, action, CALLER, "x", "", "", "", signature)


def entry(name):
    signature = next(s for s in (*_POOL.alloc, *_POOL.free) if s.name == name)
    return Decision(name, REPLACE, ENTRY, _POOL.name, "", "", "", signature)


class Compiler:
    """Compiles into a folder, and remembers what."""

    def __init__(self, folder, words=("gcc",)):
        self.folder, self.words, self.texts = folder, words, []

    def __call__(self, text, _, keep):
        path = self.folder / f"{hash(text)}.o"
        if not path.exists():
            self.texts.append(text)
            options = ("-O2", "-fPIC", "-ffunction-sections", "-w", "-I", ROOT / "stubgen", "-x", "c", "-c", "-")
            subprocess.run([*self.words, *options, "-o", path], input=text, text=True, check=True)
        return str(path)


def contents(data):
    """All that a linker sees: sections with their names, and symbols."""
    elf = ElfObject(data, "x")
    symbols = elf.table(SHT_SYMTAB)
    strings = elf.strings(symbols)
    names = [cstring(strings, int.from_bytes(elf.contents(symbols)[at : at + 4], "little"))
             for at in range(0, symbols.size, 24)]  # fmt: skip
    rest = [elf.contents(symbols)[at + 4 : at + 24] for at in range(0, symbols.size, 24)]
    sections = {s.name: elf.contents(s) for s in elf.sections if s.type == 1 and s.name != b".comment"}
    return sorted(zip(names, rest, strict=True)), sections


@pytest.mark.parametrize("words", [("gcc",), ("clang",)])
@pytest.mark.parametrize(
    "group",
    [
        [wrapper("xmalloc")],
        [wrapper(_LONG, REPLACE), wrapper("zmalloc", REPLACE)],
        [entry("get"), entry("put"), entry("more")],
    ],
)
def test_the_same_as_compiled_with_its_names(tmp_path, group, words):
    """R6: every symbol and section name; texts lie farther apart, so data and its offsets are not compared."""
    if subprocess.run(["which", words[0]], capture_output=True).returncode:
        pytest.skip(f"{words[0]} is not installed (.ci/run installs it)")
    (made,) = stub_objects([group], _CONFIG, Compiler(tmp_path, words), nothing_cached)
    path = Path(Compiler(tmp_path, words)(stub_source(group, _CONFIG), _CONFIG, True))
    found, expected = contents(made), contents(path.read_bytes())
    assert [name for name, _ in found[0] if name] == [name for name, _ in expected[0] if name]
    text = b".rodata.str"  # its alignment depends on how long the texts are
    assert {n for n in found[1] if not n.startswith(text)} == {n for n in expected[1] if not n.startswith(text)}
    code = [name for name in expected[1] if name.startswith(b".text")]
    assert {name: found[1][name] for name in code} == {name: expected[1][name] for name in code}
    assert b"aLLoCs" not in b"".join(found[1].values())
    for decision in group:
        assert decision.symbol.encode() + b"\0" in b"".join(found[1].values())
    if group[0].stub == ENTRY:
        assert "a pool; of ²".encode() + b"\0" in b"".join(found[1].values())


def test_one_compile_for_each_shape(tmp_path):
    """R6: names do not matter, shapes and lengths do."""
    groups = [[wrapper(name)] for name in ("xmalloc", "ymalloc", "zmalloc", _LONG)]
    texts = [stub_source(group, _CONFIG, Placeholders(20)) for group in groups]
    assert texts[0] == texts[1] == texts[3] != texts[2]
    compiler = Compiler(tmp_path)
    made = stub_objects(groups, _CONFIG, compiler, nothing_cached)
    assert len(list(tmp_path.iterdir())) == 3
    assert [b"__wrap_" + g[0].symbol.encode() in d for g, d in zip(groups, made, strict=True)] == [True] * 4
    assert stub_objects(groups, _CONFIG, compiler, nothing_cached) == made


def test_headers_of_the_project(tmp_path):
    """R2: hooks see the real names."""
    seen = []

    def compile_stub(text, config, keep):
        seen.append(text)
        (tmp_path / "x.o").write_bytes(b"whatever")
        return str(tmp_path / "x.o")

    config = Config(_CONFIG.entries, includes=(Named("/my.h"),))
    assert stub_objects([[wrapper("xmalloc")]], config, compile_stub, nothing_cached) == [b"whatever"]
    assert all('#include "/my.h"' in text and '"xmalloc"' in text for text in seen)


def test_what_does_not_compile_is_shown_with_its_names(tmp_path):
    """R2: nobody is shown a placeholder."""
    seen = []

    def compile_stub(text, config, keep):
        seen.append((text, keep))
        raise ToolError("no")

    with pytest.raises(ToolError):
        stub_objects([[wrapper("xmalloc")]], _CONFIG, compile_stub, nothing_cached)
    assert [keep for _, keep in seen] == [False, True]
    assert "aLLoCs" not in seen[-1][0]


def test_an_entry_that_another_process_removes(tmp_path):
    """R6: it is made again."""
    calls = []

    def compile_stub(text, config, keep):
        calls.append(text)
        return Compiler(tmp_path)(text, config, keep) if len(calls) == 2 else str(tmp_path / "gone.o")

    (made,) = stub_objects([[wrapper("xmalloc")]], _CONFIG, compile_stub, nothing_cached)
    assert b"__wrap_xmalloc" in made
