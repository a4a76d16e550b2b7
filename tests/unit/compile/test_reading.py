"""What a source says, kept for the next compile of the same text: `allocscc.compile.reading`."""

import os

import pytest

from allocscc.compile import reading
from allocscc.compile.reading import Question, Reading, read_source
from allocscc.compile.scan import parse
from allocscc.config.signature import parse_signature
from allocscc.values import replace

TEXT = b"""# 1 "x.c"
typedef unsigned long size_t;
void *malloc(size_t);
struct s { int a; };
void *xmalloc(size_t n) { return malloc(n); }
void *f(size_t n) { return xmalloc(n * sizeof(struct s)); }
"""
SIGNATURES = {"malloc": parse_signature("malloc(Z)p"), "xmalloc": parse_signature("xmalloc(Z)p")}
QUESTION = Question(TEXT, "", "c", [], {"malloc", "xmalloc"}, SIGNATURES, False, False)


class Parser:
    """Parses, and counts how often."""

    def __init__(self, path, text=TEXT):
        self.path, self.text, self.count = path, text, 0
        path.write_bytes(text)

    def __call__(self):
        self.count += 1
        return parse(str(self.path), self.text, "c", [])


@pytest.fixture
def env(tmp_path):
    return {"ALLOCSCC_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def parser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.c").write_bytes(TEXT.partition(b"\n")[2])
    return Parser(tmp_path / "unit.i")


def test_the_same_text_is_read_once(parser, env):
    """R4: the second time libclang is not asked, and the answer is the same to every field."""
    first = read_source(QUESTION, parser, env)
    assert [(s.callee, s.line, s.sized.type if s.sized else "") for s in first.sites] == [
        ("malloc", 4, ""), ("xmalloc", 5, "struct s"),
    ]  # fmt: skip
    assert [d.symbol for d in first.definitions] == ["xmalloc"]
    assert read_source(QUESTION, parser, env) == first
    assert parser.count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": TEXT + b"\n"}, {"path": "y.c"}, {"language": "c++"}, {"standard": ["-std=c99"]}, {"stubbed": set()},
        {"signatures": {}}, {"signatures": {**SIGNATURES, "xmalloc": parse_signature("xmalloc(z)p")}},
        {"candidates": True}, {"arguments": True},
    ],
)  # fmt: skip
def test_what_the_answer_depends_on(parser, env, change):
    """R4: another question is another entry."""
    read_source(QUESTION, parser, env)
    read_source(replace(QUESTION, **change), parser, env)
    assert parser.count == 2


def test_a_source_that_changed(parser, env, tmp_path):
    """R4: columns come from the source itself, which may change where its preprocessed text does not."""
    first = read_source(QUESTION, parser, env)
    source = tmp_path / "x.c"
    source.write_bytes(source.read_bytes().replace(b"return xmalloc", b"/* here */ return xmalloc"))
    second = read_source(QUESTION, parser, env)
    assert [site.column for site in first.sites] == [34, 28]
    assert [site.column for site in second.sites] == [34, 39]
    source.unlink()
    assert not any(site.exact for site in read_source(QUESTION, parser, env).sites)
    assert parser.count == 3


@pytest.mark.parametrize("junk", [b"", b"x", b"\xe9\x00\x00\x00\x7f", b"[\x00\x00\x00\x00", b"(\x03\x00\x00\x00000"])
def test_damaged(parser, env, tmp_path, junk):
    """R4: an entry that is damaged is made again."""
    first = read_source(QUESTION, parser, env)
    (entry,) = (tmp_path / "cache" / "readings").iterdir()
    entry.write_bytes(junk)
    assert read_source(QUESTION, parser, env) == first
    assert read_source(QUESTION, parser, env) == first
    assert parser.count == 2


def test_no_cache(parser, tmp_path):
    """R4: without a folder to write to, every compile reads for itself."""
    (tmp_path / "file").write_text("")
    env = {"ALLOCSCC_CACHE": str(tmp_path / "file"), "TMPDIR": str(tmp_path / "file")}
    assert read_source(QUESTION, parser, env) == read_source(QUESTION, parser, env)
    assert parser.count == 2


def test_the_cache_is_bounded(parser, env, tmp_path, monkeypatch):
    """R4: when there are too many entries, the older half goes."""
    monkeypatch.setattr(reading, "_MOST", 9)
    monkeypatch.setattr(reading, "_TURN", "")
    folder = tmp_path / "cache" / "readings"
    folder.mkdir(parents=True)
    for number in range(10):
        (folder / f"{number}").write_text("")
        os.utime(folder / f"{number}", (number, number))
    read_source(QUESTION, parser, env)
    assert sorted(path.name for path in folder.iterdir() if len(path.name) == 1) == ["5", "6", "7", "8", "9"]
    assert isinstance(read_source(QUESTION, parser, env), Reading)
    assert parser.count == 1
