"""allocs-gdb.py: the heap in a debugger, live and in core files, with symbols and without (R10, R12, R13, R18)."""

import re
import resource
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, lines_of, need

SCRIPT = ROOT / "stubgen" / "allocs-gdb.py"
SOURCE, WRAPPER_SOURCE = PROGRAMS / "debugged.c", PROGRAMS / "xmalloc.c"
CONFIG = """
[allocator.pool]
suballocates = "malloc"
alloc = ["pool_get(Z)p"]

[wrapper.any]
alloc = ["pool_wrap(Z)p", "xmalloc(Z)p", "xmemdup(pZ)p"]
"""
COUNT = 7
# how a program is linked, and whether its symbols are thrown away
SHAPES = [
    (("-O0", "-g"), False),
    (("-O2",), True),
    (("-O1", "-no-pie", "-fno-pie"), True),
    (("-O1", "-static"), True),
    (("-O1", "-static-pie"), True),
]


def build(box: Toolbox, flags: tuple[str, ...], is_stripped: bool) -> int:
    """Build tests/programs/debugged.c as `prog`; gives the address of `debugged` in the file."""
    need("gdb", "nm", "strip")
    box.write("allocscc.toml", CONFIG)
    box.allocscc(*flags, "-w", "-pthread", SOURCE, WRAPPER_SOURCE, "-o", "prog")
    (symbol,) = re.findall(r"^(\w+) \w debugged$", box.run("nm", "prog").stdout, re.M)
    if is_stripped:
        box.run("strip", "prog")
    return int(symbol, 16)


def gdb(box: Toolbox, *commands: str, program: str | Path = "prog") -> str:
    """What gdb prints for some commands; it goes on after one that fails."""
    words = [word for command in (f"source {SCRIPT}", *commands) for word in ("-ex", command)]
    return box.run("gdb", "-nx", "-batch", *words, program, check=False).stdout


def die(box: Toolbox) -> Path:
    """Let the program dump its core; skip where the system keeps that from us."""
    if not Path("/proc/sys/kernel/core_pattern").read_text().startswith("core"):
        pytest.skip("this system's core files go elsewhere (/proc/sys/kernel/core_pattern)")
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if limit == 0:
        pytest.skip("core files are forbidden here (ulimit -Hc)")
    subprocess.run(
        [str(box.folder / "prog"), "die"],
        cwd=box.folder, env=box.env, check=False, capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)),
    )  # fmt: skip
    (found,) = box.folder.glob("core*")
    return found


def base_of(box: Toolbox, *commands: str) -> int:
    """Where the program lies: the address of its first instruction, less what the file says."""
    said = gdb(box, *commands, "info files")
    entries = [int(entry, 16) for entry in re.findall(r"Entry point: (0x\w+)", said)]
    header = box.run("readelf", "-h", "prog").stdout
    (in_file,) = re.findall(r"Entry point address:\s+(0x\w+)", header)
    return entries[-1] - int(in_file, 16)


def pointers(box: Toolbox, symbol: int, *commands: str) -> list[int]:
    """The pointers that the program has kept for us."""
    at = base_of(box, *commands) + symbol
    said = gdb(box, *commands, f"x/{COUNT}gx {at:#x}")
    return [int(word, 16) for line in said.splitlines() if (m := re.match(r"0x\w+[^:]*:\s*(.*)$", line))
            for word in m[1].split()][-COUNT:]  # fmt: skip


def described(told: str) -> list[dict[str, str]]:
    """The chunks that one `info alloc` told of, innermost first; the chain as lines."""
    chunks: list[dict[str, str]] = []
    label = ""
    for line in told.splitlines():
        if found := re.match(r"  (\w+) +(.*)$", line):
            label = found[1]
            if label == "base":
                chunks.append({})
            chunks[-1][label] = found[2]
        elif line.startswith("    ") and chunks:
            chunks[-1][label] += "\n" + line.strip()
    return chunks


def check(box: Toolbox, symbol: int, *start: str) -> None:
    """What the commands say of debugged.c, wherever it was stopped."""
    copy, items, block, large, freed, other, chars = pointers(box, symbol, *start)
    asked = {"copy": copy, "inside": items + 30, "block": block + 1000, "large": large + 299_999,
             "behind": large + 300_000, "freed": freed, "thread": other + 8, "chars": chars + 1999,
             "null": 0}  # fmt: skip
    commands = [word for name, p in asked.items() for word in (f"echo @{name}\\n", f"info alloc {p:#x}")]
    said = gdb(box, *start, *commands, "echo @end\\n")
    told = dict(re.findall(r"^@(\w+)\n(.*?)(?=^@)", said, re.M | re.S))
    line = {
        mark: lines_of(SOURCE, f"/* {mark} */")
        for mark in ("copy", "items", "block", "large", "thread", "wrap", "chars")
    }
    memdup, inner = lines_of(WRAPPER_SOURCE, "/* memdup"), 8

    (chunk,) = described(told["copy"])
    assert f"{copy:#x} is the base of a live chunk" in told["copy"]
    assert (chunk["base"], chunk["size"], chunk["allocator"]) == (f"{copy:#x}", "8 bytes", "malloc")
    assert chunk["type"] == "struct pair (sizeof)"
    assert chunk["site"].startswith(f"main at {SOURCE}:{line['copy']}:")
    chain = [re.sub(r":\d+$", "", frame) for frame in chunk["chain"].splitlines()]
    assert chain == [
        f"xmemdup, called by main at {SOURCE}:{line['copy']}",
        f"xmalloc, called by xmemdup at {WRAPPER_SOURCE}:{memdup}",
        f"malloc, called by xmalloc at {WRAPPER_SOURCE}:{inner}",
    ]

    inside, parent = described(told["inside"])
    assert "is 30 bytes into a live chunk" in told["inside"]
    assert (inside["base"], inside["size"]) == (f"{items:#x}", "72 bytes")
    assert inside["allocator"] == "pool, which carves up chunks of malloc"
    assert inside["type"] == "struct item (sizeof)"
    assert f":{line['items']}:" in inside["site"]
    frames = inside["chain"].splitlines()
    assert [frame.split(",")[0] for frame in frames] == ["pool_wrap", "pool_get"]
    assert f"debugged.c:{line['wrap']}:" in frames[1]
    assert (parent["base"], parent["size"], parent["allocator"]) == (f"{block:#x}", "100000 bytes", "malloc")
    assert [c["base"] for c in described(told["block"])] == [f"{block:#x}"]

    (chunk,) = described(told["large"])
    assert (chunk["base"], chunk["size"]) == (f"{large:#x}", "300000 bytes")
    assert f":{line['large']}:" in chunk["site"]
    (chunk,) = described(told["thread"])
    assert (chunk["size"], chunk["type"]) == ("56 bytes", "struct pair (sizeof)")
    assert chunk["site"].startswith(f"thread at {SOURCE}:{line['thread']}:")
    (chunk,) = described(told["chars"])
    assert (chunk["base"], chunk["size"]) == (f"{chars:#x}", "2000 bytes")
    for name in ("behind", "freed", "null"):
        assert told[name] == f"{asked[name]:#x} is in no live chunk.\n"

    tables = gdb(box, *start, "info allocators", "echo @\\n", "info wrappers")
    rows = [row.split() for row in tables.splitlines() if row.startswith(("malloc ", "pool ", "x", "pool_wrap "))]
    wrappers = {row[0]: "".join(row[1:]) for row in rows if "executable" not in row}
    assert wrappers == {"xmalloc": "malloc", "xmemdup": "malloc", "pool_wrap": "malloc,pool"}  # the pool's block, too
    allocators = {row[0]: row[1:] for row in rows if "executable" in row}
    assert allocators["pool"] == ["executable", "malloc", "1", "1", "72"]
    assert allocators["malloc"][:2] == ["executable", "-"]
    allocated, live, size = map(int, allocators["malloc"][2:])
    assert allocated > live >= 5  # one was freed
    assert size >= 8 + 100_000 + 300_000 + 2000 + 56


@pytest.mark.parametrize(("flags", "is_stripped"), SHAPES, ids=str)
def test_live(box: Toolbox, flags: tuple[str, ...], is_stripped: bool) -> None:
    """R10, R12, R13, R18: a process that stands still, of every shape, with all symbols or none."""
    symbol = build(box, flags, is_stripped)
    # without symbols there is no `stop`: the abort is where it stands still
    start = ["set startup-with-shell off", *(["run die"] if is_stripped else ["break stop", "run"])]
    check(box, symbol, *start)


@pytest.mark.parametrize(("flags", "is_stripped"), SHAPES, ids=str)
def test_core(box: Toolbox, flags: tuple[str, ...], is_stripped: bool) -> None:
    """R10, R12, R13, R18: a core file, of every shape, with all symbols or none."""
    symbol = build(box, flags, is_stripped)
    check(box, symbol, f"core-file {die(box)}")


def test_core_made_by_gdb(box: Toolbox) -> None:
    """R18: `generate-core-file` keeps what the script needs, too."""
    symbol = build(box, ("-O2",), is_stripped=False)
    gdb(box, "break stop", "run", "generate-core-file made", "kill")
    check(box, symbol, "core-file made")


@pytest.mark.parametrize("linker", ["gold", "lld", "mold"])
def test_every_linker(box: Toolbox, linker: str) -> None:
    """R6, R18: the table is in the dynamic symbol table, whoever linked, also where dead code is thrown away."""
    need(f"ld.{linker}" if linker != "mold" else "mold")
    flags = ("-O1", f"-fuse-ld={linker}", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")
    symbol = build(box, flags, is_stripped=True)
    assert "__allocs_layout" in box.run("nm", "-D", "prog").stdout
    check(box, symbol, "run die")


def test_every_chunk(box: Toolbox) -> None:
    """R18: thousands of chunks of all sizes, by their first, middle and last byte; a walk finds each of them once."""
    need("gdb")
    box.write(
        "many.c",
        "#include <stdlib.h>\n#define N 3000\nchar *many[N];\nsize_t sizes[N];\nstatic void stop(void) { abort(); }\n"
        "int main(void) {\n unsigned x = 1;\n for (int i = 0; i < N; i++) {\n  x = x * 1103515245 + 12345;\n"
        "  sizes[i] = (x >> 8) % (i % 40 == 0 ? 200000 : i % 7 == 0 ? 5000 : 120);\n  many[i] = malloc(sizes[i]);\n"
        "  if (i % 3 == 1) free(many[i - 1]), many[i - 1] = 0;\n }\n stop();\n}\n",
    )
    box.allocscc("-g", "many.c", "-o", "prog")
    box.write(
        "ask.py",
        "heap, n = Heap(), 3000\n"
        "read = lambda name: [int(gdb.parse_and_eval(f'(long){name}[{i}]')) for i in range(n)]\n"
        "live = {p: size for p, size in zip(read('many'), read('sizes')) if p}\n"
        "for p, size in live.items():\n"
        "    for at in {p, p + size // 2, p + max(size, 1) - 1}:\n"
        "        assert [c[1:3] for c in heap.chunks_around(at)] == [(p, size)], (p, size, at)\n"
        "    assert all(c.base != p for at in (p - 1, p + max(size, 1)) for c in heap.chunks_around(at)), (p, size)\n"
        "(malloc,) = heap.allocators()\nwalked = [(c.base, c.size) for c in heap.walk(malloc)]\n"
        "assert len(walked) == len(set(walked)) and set(live.items()) <= set(walked)\n"
        "assert heap.count(malloc) >= n and len(walked) <= len(live) + 20\n"
        "assert {heap.nodes(c.id)[0].site.function for c in heap.walk(malloc) if c.base in live} == {'main'}\n"
        "print('checked', len(live))\n",
    )
    assert "checked 2000" in gdb(box, "run", "source ask.py")


def test_expressions_and_errors(box: Toolbox) -> None:
    """R18: variables, arrays and casts are pointers, too; what cannot be answered is said in one line."""
    need("gdb")
    box.write("plain.c", "#include <stdlib.h>\nint main(void) { return !malloc(3); }\n")
    box.run("gcc", "-g", "plain.c", "-o", "plain")
    words = ("gdb", "-nx", "-batch", "-ex", f"source {SCRIPT}")
    assert (
        "There is no process and no core file."
        in box.run(*words, "-ex", "info allocators", "plain", check=False).stderr
    )
    done = box.run(*words, "-ex", "break main", "-ex", "run", "-ex", "info alloc 1", "plain", check=False)
    assert "There is no runtime in this program: it was not linked by allocscc." in done.stderr
    build(box, ("-O0", "-g"), is_stripped=False)
    said = gdb(
        box, "break stop", "run", "info alloc debugged[0]", "info alloc (char *)debugged[0] + 1", "info alloc debugged"
    )
    assert "is the base of a live chunk" in said
    assert "is 1 byte into a live chunk" in said
    assert re.search(r"^0x\w+ is in no live chunk\.$", said, re.M)
    done = box.run(*words, "-ex", "break stop", "-ex", "run", "-ex", "info alloc", "prog", check=False)
    assert "Usage: info alloc PTR" in done.stderr
    assert "Everything that is known" in gdb(box, "help info alloc")


def test_unloaded_libraries(box: Toolbox) -> None:
    """R10, R12, R13: what outlives its object keeps its name and its site; instances carry their objects' names."""
    need("gdb")
    box.write(
        "allocscc.toml",
        '[allocator.pool]\nalloc = ["pool_get(Z)p"]\nfree = ["pool_put(P)"]\n'
        '[allocator.heap]\nsuballocates = "malloc"\nalloc = ["heap_get(Z)p"]\n'
        '[wrapper.lib]\nalloc = ["lib_alloc(Z)p"]\n',
    )
    for name in ("one", "two"):
        box.allocscc("-O1", "-fPIC", "-shared", PROGRAMS / "private.c", "-o", f"{name}.so")
    box.allocscc("-O0", "-g", PROGRAMS / "instances.c", "-o", "prog")
    line = lines_of(PROGRAMS / "instances.c", "free(block[1]);")
    start = ("set breakpoint pending on", f"break instances.c:{line}", "run ./one.so ./two.so")
    said = gdb(box, *start, "info alloc heap[1]", "info alloc wrapped[2]", "info alloc pool[2]", "info allocators")
    heap, parent, wrapped, pool = described(said)
    assert heap["allocator"] == "heap@one.so of one.so, which carves up chunks of malloc"
    assert heap["type"] == "long (sizeof)"
    assert f"private.c:{lines_of(PROGRAMS / 'private.c', '/* longs */')}:" in heap["site"]
    assert parent["size"] == "4096 bytes"
    assert wrapped["chain"].splitlines()[0].startswith("lib_alloc, called by lib_wrapped at ")
    assert pool["allocator"] == "pool@two.so of two.so"
    rows = {row.split()[0]: row.split()[1:] for row in said.splitlines() if ".so" in row and "@" in row.split()[0]}
    assert rows["heap@one.so"] == ["one.so", "(unloaded)", "malloc", "1", "1", "16"]
    assert rows["pool@two.so"][0] == "two.so"
    assert "pool@one.so" not in rows
