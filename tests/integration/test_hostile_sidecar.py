"""Sidecars that are newer, damaged or hostile: what is known is taken; nothing is opened, run, or becomes code."""

import os
import subprocess
from pathlib import Path

import pytest

from allocscc.sidecar import Declaration, Site, encode
from tests.integration.conftest import Toolbox, one
from tests.integration.test_hostile_link import ALLOCS, ALLOCSCC, explained, leftovers, linked, parts

__all__ = ["parts"]


def with_sidecar(box: Toolbox, source: str, record: bytes, name: str = "other") -> Path:
    """An object by plain gcc with a sidecar section of somebody else's making."""
    box.write(f"{name}.c", source)
    (box.folder / f"{name}.record").write_bytes(record)
    box.run("gcc", "-O1", "-c", f"{name}.c")
    box.run("objcopy", f"--add-section=.allocs.sidecar={name}.record",
            "--set-section-flags=.allocs.sidecar=readonly,exclude", f"{name}.o")  # fmt: skip
    return box.folder / f"{name}.o"


OWN = "#include <stdlib.h>\nvoid *own_get(size_t n) { return malloc(n); }\nvoid *user(void) { return own_get(8); }\n"


def newer(record: bytes) -> bytes:
    """A record as version 99 might write it: more keys everywhere, evidence and a kind of entry that we do not know."""
    region = (
        b'{"kind":"region","list":"alloc","entry":"r","signature":"r(Z)p","free":[],"suballocates":"","origin":"x:1",'
        b'"lifetime":[1]},{"later":1},{"later":{"a":1},'
    )
    body = record.split(b"\n", 1)[1]
    body = body.replace(b'"evidence":"sizeof"', b'"evidence":"oracle","sureness":0.5')
    body = body.replace(b'"declarations":[{', b'"declarations":[' + region)
    body = body.replace(b'"compiler":', b'"future":[{"x":null}],"compiler":')
    return b"allocs-sidecar 99 %d\n%s" % (len(body), body)


def test_newer_sidecar(parts: Toolbox) -> None:
    """R4, R6: what this version knows of a newer one's sidecar is used, the rest is left alone; without a word."""
    site = Site("/src/other.c", 3, 29, "user", "own_get", "struct x", "sizeof", matched=True)
    declared = Declaration("wrapper", "alloc", "own_get", "own_get(Z)p", origin="other.c:2")
    with_sidecar(parts, OWN, newer(encode("other.c", "gcc", (site,), (declared,))))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    parts.run(parts.folder / "prog")
    assert one(explained(parts), symbol="own_get")["action"] == "replace"
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    (found,) = parts.sites("other.o")
    assert (found["line"], found["type"], found["evidence"]) == (3, "struct x", "none")
    assert parts.run(ALLOCS, "sites", "other.o").stdout == "/src/other.c:3:29: user: own_get -> struct x (none)\n"


@pytest.mark.parametrize(
    "body", [b"[]\n", b'{"sites":{"packed":"eJw"},"declarations":[{"a":"r(Z)p"}]}\n', b"\x80\x01packed\n"]
)
def test_sidecar_of_another_kind(parts: Toolbox, body: bytes) -> None:
    """R4, R6: a newer version that writes in another way is told from damage, and costs the link nothing else."""
    with_sidecar(parts, OWN, b"allocs-sidecar 99 %d\n%s" % (len(body), body))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    done = parts.run(ALLOCS, "sites", "other.o", check=False)
    assert done.returncode == 65
    assert "version 99" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "record",
    [b"allocs-sidecar 1 9\nabc", b'"declarations":[{', b'allocs-sidecar 1 19\n{"declarations":[{\n', b"\0" * 40],
)
def test_damaged_sidecar(parts: Toolbox, record: bytes) -> None:
    """R4, R6: an object whose sidecar cannot be read is linked like any other; the rest of the link is observed."""
    with_sidecar(parts, OWN, record)
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    assert "Traceback" not in parts.run(ALLOCS, "sites", "other.o", check=False).stderr


NAMES = [
    "../../etc/passwd", "/etc/shadow", "$(touch x)", "`touch x`; touch x", "a\nb", "a\0b", "n" * 100_000,
    "|touch x", "-o/dev/null", "\x1b]0;title\x07", "@main.c", "%s%n", "\ud800", "\udcff", 'x"; int y = "', "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:20])
def test_names_in_a_sidecar(parts: Toolbox, name: str) -> None:
    """R4, R6: nothing that a sidecar names is opened, run, or given to a shell or compiler; a pipe would show it."""
    os.mkfifo(parts.folder / "pipe")
    texts = (name, str(parts.folder / "pipe"))
    sites = tuple(Site(text, 1, 1, name, name, name, "sizeof") for text in texts)
    declared = tuple(
        Declaration(kind, "alloc", text, f"{text}(Z)p", (f"{text}(P)",), text, text)
        for text in texts
        for kind in ("wrapper", "allocator", "sized", name)
    )
    sources: tuple[dict[str, object], ...] = tuple(
        {"callee": name, "file": text, "line": 1, "column": 1, "function": name, "exact": True, "candidate": False,
         "sized": {"type": name, "evidence": "sizeof", "array": False}}
        for text in texts
    )  # fmt: skip
    statics = {f"x.c::{text}": text for text in texts} | {text: text for text in texts}
    with_sidecar(parts, OWN, encode(name, name, sites, declared, sources, statics))
    files = set(os.listdir(parts.folder))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    parts.run(parts.folder / "prog")
    for flags in ((), ("--json",), ("--srcallocs",), ("--coverage",)):
        done = subprocess.run(
            [ALLOCS, "sites", *flags, "other.o"], cwd=parts.folder, env=parts.env, capture_output=True, timeout=10
        )
        assert b"Traceback" not in done.stderr
        if flags != ("--srcallocs",):  # that is for programs
            assert b"\x1b" not in done.stdout + done.stderr
    assert set(os.listdir(parts.folder)) == files | {"prog"}
    assert leftovers(parts) == []


CODE = [
    "x(Z)p; int y", 'x", evil, "', 'x"*/ #include "/etc/passwd"', "x\n#include </etc/passwd>\n", "x; .globl evil; evil",
    'a;.incbin "/etc/passwd"', "x\\n.globl evil", "x y", "x(", "??/", "x}int evil;", "0", "__asm__",
    "x,y", "x@plt", "x'",
]  # fmt: skip


@pytest.mark.parametrize("name", CODE)
def test_code_in_a_sidecar(parts: Toolbox, name: str) -> None:
    """R4, R6: an object may have a symbol of any name, and its sidecar call it a wrapper: it is no code to us."""
    declared = (
        Declaration("wrapper", "alloc", name, f"{name}(Z)p", (f"{name}_free(P)",), origin=name),
        Declaration("allocator", "alloc", name, f"{name}2(Z)p", suballocates=name, origin=name),
    )
    record = encode("x.c", "gcc", (), declared, (), {f"x.c::{name}": name, "wrap.c::xmalloc": name})
    with_sidecar(parts, OWN, record)
    symbol = name.replace("\n", "")
    data = (parts.folder / "other.o").read_bytes()
    room = b"own_get\0"
    if len(symbol.encode()) + 1 > len(room):
        parts.run("objcopy", f"--redefine-sym=own_get={symbol}", "other.o")
    else:
        (parts.folder / "other.o").write_bytes(data.replace(room, symbol.encode().ljust(len(room), b"\0")))
    parts.env["LIBALLOCS_ALLOC_FNS"] = "xmalloc(Z)p wrap.c::xmalloc(Z)p"
    status, said, made = linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o")
    assert (status, said, made) == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    assert "evil" not in parts.run("nm", "prog").stdout.replace(symbol, "")
    parts.run(parts.folder / "prog")
