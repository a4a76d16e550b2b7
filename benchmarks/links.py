"""What allocscc costs a large link: 5,000 objects and 2 GB of archives of which few members matter; and many wrappers.

Run it with `.venv/bin/python3 -m benchmarks.links`. Ratios of wall time to plain gcc's from one run, and the memory of
our own process.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.jqsource import ALLOCSCC

OBJECTS, ARCHIVES, MEMBERS, MEMBER_BYTES = 5000, 20, 1000, 100_000
_FUNCTIONS = 20


def generate(folder: str, scale: float) -> list[str]:
    """Write objects and archives: one is compiled, the others differ in the numbers in their symbols.

    Returns:
        The words of the link.
    """
    source = os.path.join(folder, "unit.c")
    with open(source, "w", encoding="ascii") as file:
        file.write(f"static const char pad[{MEMBER_BYTES - 8000}] = {{1}};\n")
        file.writelines(f"int u00000000_f{n}(int x) {{ return pad[x] + {n}; }}\n" for n in range(_FUNCTIONS))
    small = os.path.join(folder, "small.c")
    with open(small, "w", encoding="ascii") as file:
        file.writelines(f"int u00000000_f{n}(int x) {{ return x + {n}; }}\n" for n in range(_FUNCTIONS))
    templates = []
    for path in (small, source):
        subprocess.run(["gcc", "-O1", "-g", "-c", path, "-o", f"{path}.o"], check=True)
        with open(f"{path}.o", "rb") as file:
            templates.append(file.read())
    words = []
    for number in range(int(OBJECTS * scale)):
        words.append(os.path.join(folder, f"o{number}.o"))
        with open(words[-1], "wb") as file:
            file.write(templates[0].replace(b"u00000000", b"u%08d" % number))
    for archive in range(int(ARCHIVES * scale) or 1):
        path = os.path.join(folder, f"lib{archive}.a")
        with tempfile.TemporaryDirectory(dir=folder) as members:
            names = [f"m{number}.o" for number in range(MEMBERS)]
            for number, name in enumerate(names):
                with open(os.path.join(members, name), "wb") as file:
                    file.write(templates[1].replace(b"u00000000", b"u%08d" % (100_000 + archive * MEMBERS + number)))
            subprocess.run(["ar", "rcs", path, *names], cwd=members, check=True)
        words.append(path)
    main = os.path.join(folder, "main.c")
    with open(main, "w", encoding="ascii") as file:
        file.write(
            "#include <stdlib.h>\nstruct node { int a; };\nint u00100500_f1(int);\n"
            "void *xmalloc(size_t n) { return malloc(n); }\n"
            "int main(void) { return !xmalloc(sizeof(struct node)) + u00100500_f1(0) - 2; }\n"
        )
    with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii") as file:
        file.write('[wrapper.x]\nalloc = ["xmalloc(Z)p", "xrealloc(pZ)p", "xstrdup(s)p"]\n')
    subprocess.run([ALLOCSCC, "-g", "-c", main, "-o", f"{main}.o"], check=True, cwd=folder)
    return [f"{main}.o", *words]


def seconds(command: list[str], folder: str) -> float:
    """Wall time of a link that has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True)
    return time.perf_counter() - start


def bench_large(folder: str, scale: float, rounds: int) -> None:
    """One line for each linker."""
    words = generate(folder, scale)
    response = os.path.join(folder, "words")
    with open(response, "w", encoding="utf-8") as file:
        file.write("\n".join(words))
    print(f"{len(words)} inputs\n{'link':<24} {'gcc':>8} {'allocscc':>9} {'ratio':>6} {'goal':>6}")
    for linker in ("bfd", "gold", "lld", "mold"):
        if shutil.which(f"ld.{linker}") is None:
            continue
        taken: dict[str, list[float]] = {"gcc": [], ALLOCSCC: []}
        for turn in range(rounds + 1):
            for compiler, times in taken.items():
                value = seconds([compiler, f"-fuse-ld={linker}", f"@{response}", "-o", "prog"], folder)
                times += [value] if turn else []
        plain, ours = (statistics.median(times) for times in taken.values())
        ratio = statistics.median(b / a for a, b in zip(*taken.values(), strict=True))
        print(
            f"{linker:<24} {plain:7.2f}s {ours:8.2f}s {ratio:6.2f} {'1.10' if linker == 'bfd' else '':>6}", flush=True
        )


_SURVEY = """
import os, resource, sys
from allocscc.backends import load_backend
from allocscc.config.roles import load_roles
from allocscc.link.job import LinkJob
from allocscc.link.phase import surveyed
job, roles = LinkJob(["@" + sys.argv[1], "-lc"], os.getcwd()), load_roles(dict(os.environ), os.getcwd())
surveyed(job, roles, load_backend("embedded"))
print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) >> 10)
"""


def bench_memory(folder: str) -> None:
    """The largest of our own processes while they look through the inputs, without the linker."""
    words = [sys.executable, "-c", _SURVEY, os.path.join(folder, "words")]
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(ALLOCSCC))}
    done = subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True, text=True)
    print(f"memory of ours: {done.stdout.strip()} MiB (asked for: 300 MB)", flush=True)


def bench_wrappers(folder: str, count: int) -> None:
    """The stubs of many wrappers in one link, the first time and again."""
    with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii") as file:
        file.write(f"[wrapper.w]\nalloc = {[f'wrap{n}(Z)p' for n in range(count)]!r}\n".replace("'", '"'))
    source = os.path.join(folder, "wrappers.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <stdlib.h>\n")
        file.writelines(f"void *wrap{n}(size_t n) {{ return malloc(n + {n}); }}\n" for n in range(count))
    library = os.path.join(folder, "libwrappers.so")
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    main = os.path.join(folder, "main.c")
    with open(main, "w", encoding="ascii") as file:
        file.writelines(f"void *wrap{n}(unsigned long);\n" for n in range(count))
        file.write("void *volatile kept;\nint main(void) {\n")
        file.writelines(f"kept = wrap{n}({n});\n" for n in range(count))
        file.write("return 0; }\n")
    subprocess.run([ALLOCSCC, "-c", main, "-o", f"{main}.o"], check=True, cwd=folder)
    print(f"\n{count} wrappers in one link {'gcc':>8} {'first':>9} {'again':>9}")
    for name, words in (("in a shared object", [library]), ("in an object", [source + ".o"])):
        if name == "in an object":
            subprocess.run([ALLOCSCC, "-c", source, "-o", source + ".o"], check=True, cwd=folder)
        taken = [seconds([cc, f"{main}.o", *words, "-o", "prog"], folder) for cc in ("gcc", ALLOCSCC, ALLOCSCC)]
        print(f"{name:<24} {taken[0]:7.2f}s {taken[1]:8.2f}s {taken[2]:8.2f}s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="large links with allocscc, against plain gcc")
    parser.add_argument("--scale", type=float, default=1.0, help="part of 5,000 objects and 2 GB (default: 1)")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="allocscc-bench-", dir="/var/tmp") as folder:
        os.environ["ALLOCSCC_CACHE"] = os.path.join(folder, "cache")
        bench_large(folder, given.scale, given.rounds)
        bench_memory(folder)
    with tempfile.TemporaryDirectory(prefix="allocscc-bench-", dir="/var/tmp") as folder:
        os.environ["ALLOCSCC_CACHE"] = os.path.join(folder, "cache")
        with open(os.path.join(folder, "one.c"), "w", encoding="ascii") as file:
            file.write("int main(void) { return 0; }\n")
        subprocess.run([ALLOCSCC, "one.c", "-o", "one"], check=True, cwd=folder)
        bench_wrappers(folder, 200)
    print(f"\n{os.cpu_count()} processors; load average when this began: {load:.1f}")


if __name__ == "__main__":
    main()
