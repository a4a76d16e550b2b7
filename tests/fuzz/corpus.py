"""What is mutated: objects, archives, shared libraries, sidecars and plans, made from small sources at test time."""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from allocscc.link.plan import CALLER, LEAVE, REPLACE, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.sidecar import Declaration, Site, encode

ROOT = Path(__file__).resolve().parents[2]
ALLOCSCC, ALLOCSCXX = ROOT / "bin" / "allocscc", ROOT / "bin" / "allocsc++"
OBJECT, ARCHIVE, SHARED, SIDECAR, PLAN = "object", "archive", "shared", "sidecar", "plan"
SUFFIX = {OBJECT: ".o", ARCHIVE: ".a", SHARED: ".so", SIDECAR: ".allocs", PLAN: ".plan"}
WRAPPERS = {
    "LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p pool_get(zZ)p",
    "LIBALLOCS_FREE_FNS": "xfree(P)",
    "LIBALLOCS_SUBALLOC_FNS": "carve(Z)p",
    "LIBALLOCS_SUBFREE_FNS": "uncarve(P)->carve",
}

_SOURCES = {
    "main.c": """#include <stdlib.h>
        void *xmalloc(size_t); void xfree(void *); void *carve(size_t);
        struct point { long x, y; };
        int main(void) { struct point *p = xmalloc(sizeof *p); int *q = malloc(7 * sizeof *q); free(q); xfree(p);
            return !carve(3 * sizeof(short)); }""",
    "wrap.c": """#include <stdlib.h>
        void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }
        void xfree(void *p) { free(p); }
        static char area[4096]; static size_t used;
        __attribute__((visibility("hidden"))) void uncarve(void *p) { (void)p; }
        void *carve(size_t n) { void *p = area + used; used += n; return p; }
        void *pool_get(size_t m, size_t n) { return xmalloc(m * n); }""",
    "declared.c": """#include <stdlib.h>
        __attribute__((malloc, alloc_size(1))) void *own_get(size_t n);
        void *own_get(size_t n) { return calloc(n, sizeof(long)); }
        void *user(void) { return own_get(8 * sizeof(int)); }""",
    "sections.c": """#include <stdlib.h>
        #define F(n) void *f##n(int k) { return malloc(k * sizeof(struct s##n)); }
        struct s1 { int a[1]; }; struct s2 { int a[2]; }; struct s3 { int a[3]; }; struct s4 { int a[4]; };
        F(1) F(2) F(3) F(4)""",
    "comdat.cc": """template <class T> struct box { T *p; box() : p(new T[3]()) {} ~box() { delete[] p; } };
        inline int *made() { return new int(3); }
        long many() { box<long> a; box<char> b; int *p = made(); delete p; return *a.p + *b.p; }""",
    "bare.c": """void *xmalloc(unsigned long); void xfree(void *);
        void *bare(void) { void *p = xmalloc(3 * sizeof(int)); xfree(p); return p; }""",
}


@dataclass(frozen=True)
class Specimen:
    """One whole input: its file name in the corpus' folder, its kind, its bytes."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True)
class Corpus:
    """The specimens, in a folder with all that a link of them needs."""

    folder: Path
    env: dict[str, str]
    specimens: tuple[Specimen, ...]


def make_corpus(folder: Path, cache: Path) -> Corpus:
    """Compile and collect; what needs a missing optional tool is left out.

    Args:
        folder: an empty folder.
        cache: for allocscc.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ALLOCS", "LIBALLOCS", "COMPILER_PATH"))}
    env |= {"ALLOCSCC_CACHE": str(cache), "TMPDIR": str(folder / "tmp"), "LC_ALL": "C", **WRAPPERS}
    (folder / "tmp").mkdir()
    for name, text in _SOURCES.items():
        (folder / name).write_text(text)

    def run(*command: str | Path) -> None:
        subprocess.run([str(c) for c in command], cwd=folder, env=env, check=True, capture_output=True)

    for name in ("main", "wrap", "declared"):
        run(ALLOCSCC, "-O1", "-c", f"{name}.c")
    run("gcc", "-g", "-O1", "-c", "wrap.c", "-o", "plain.o")
    run(ALLOCSCC, "-O1", "-g", "-ffunction-sections", "-fdata-sections", "-c", "sections.c")
    run(ALLOCSCXX, "-O1", "-c", "comdat.cc")
    run(ALLOCSCC, "-O1", "-flto", "-c", "wrap.c", "-o", "lto.o")
    run("ld", "-r", "wrap.o", "declared.o", "-o", "partial.o")
    for name, command in _foreign():
        if subprocess.run([*command, "-c", "bare.c", "-o", name], cwd=folder, capture_output=True).returncode:
            (folder / name).write_bytes(_elf32())
    shutil.copy(folder / "sections.o", folder / "a-name-of-more-than-15-bytes.o")
    run("ar", "rcs", "libwrap.a", "wrap.o", "a-name-of-more-than-15-bytes.o", "bare32.o")
    run("ar", "rcS", "noindex.a", "wrap.o", "declared.o")
    run("ar", "rcs", "libempty.a")
    run("ar", "rcsT", "thin.a", "wrap.o", "a-name-of-more-than-15-bytes.o")
    run(ALLOCSCC, "-shared", "-fPIC", "-O1", "wrap.c", "-o", "libshared.so")
    (folder / "numbered.o").write_bytes(_extended_numbering((folder / "wrap.o").read_bytes()))
    return Corpus(folder, env, tuple(_collect(folder)))


def _foreign() -> Iterator[tuple[str, list[str]]]:
    """Objects of other targets, and the compilers that make them."""
    yield "bare32.o", ["gcc", "-m32"]
    if shutil.which("aarch64-linux-gnu-gcc"):
        yield "aarch64.o", ["aarch64-linux-gnu-gcc"]


def _elf32() -> bytes:
    """The header of a 32-bit x86 object, where no compiler makes one."""
    return struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 1, 3, 1, 0, 0, 52, 0, 52, 0, 0, 40, 1, 0) + bytes(40)


def _extended_numbering(data: bytes) -> bytes:
    """The object with its section count where a count beyond 0xff00 would stand (gABI, "Sections")."""
    out = bytearray(data)
    table = struct.unpack_from("<Q", out, 40)[0]
    count, names = struct.unpack_from("<HH", out, 60)
    struct.pack_into("<HH", out, 60, 0, 0xFFFF)
    struct.pack_into("<QI", out, table + 32, count, names)
    return bytes(out)


def _collect(folder: Path) -> Iterator[Specimen]:
    kinds = {suffix: kind for kind, suffix in SUFFIX.items()}
    for path in sorted(folder.iterdir()):
        if path.suffix in kinds and path.suffix != ".allocs":
            yield Specimen(path.name, kinds[path.suffix], path.read_bytes())
    site = Site("/src/x.c", 3, 9, "f", "malloc", "struct point", "sizeof", array=True, matched=True, size=16)
    declared = Declaration("wrapper", "alloc", "own_get", "own_get(Z)p", ("own_free(P)",), origin="x.c:3")
    family = Declaration("allocator", "alloc", "pool", "pool_get(zZ)p", (), "malloc", "x.c:4")
    source = {
        "callee": "malloc", "file": "x.c", "line": 3, "column": 5, "function": "f", "exact": True, "candidate": False,
        "sized": {"type": "int", "evidence": "sizeof", "array": False, "size": 4},
    }  # fmt: skip
    one = encode("x.c", "gcc", (site, site), (declared, family), (source,), {"x.c::get": "get.allocs.12"})
    yield Specimen("one.allocs", SIDECAR, one)
    yield Specimen("two.allocs", SIDECAR, encode("y.c", "clang", (site,)) + one.replace(b" 1 ", b" 99 ", 1))
    decisions = (
        Decision("xmalloc", REPLACE, CALLER, "x", "x.toml:3", "wrapper-defined", "defined here"),
        Decision("free", LEAVE, "", "malloc", "builtin.toml:3", "entry-elsewhere", "elsewhere"),
    )
    plan = encode_plan(LinkPlan(decisions, runtime=True, interpose=("malloc",), notes=("a note",)), "prog")
    yield Specimen("one.plan", PLAN, plan)
    yield Specimen("two.plan", PLAN, plan + b"\0\0" + plan)
