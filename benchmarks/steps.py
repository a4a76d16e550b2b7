"""Where the time of a build goes: single compiles and links against plain gcc, and what imports cost a hook.

Run it with `.venv/bin/python3 benchmarks/steps.py`; medians of interleaved repetitions, in milliseconds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOCSCC = os.path.join(ROOT, "bin", "allocscc")
REPETITIONS = 20
PROBE = "int main(void) { return 0; }\n"
SITES = "#include <stdlib.h>\nstruct s { int a; };\nvoid *f(int n) { return malloc(n * sizeof(struct s)); }\n"
STEPS = (
    ("compile a configure probe", ("-c", "conftest.c")),
    ("link a configure probe", ("conftest.o", "-o", "conftest")),
    ("link a small program", ("conftest.o", "-o", "program")),
    ("compile a unit without sites", ("-O2", "-g", "-c", "none.c")),
    ("compile a unit with a site", ("-O2", "-g", "-c", "sites.c")),
)
MODULES = ("re", "json", "typing", "dataclasses", "tempfile", "tomllib", "clang.cindex", "elftools.elf.elffile")
IMPORTS = ("pass", *(f"import {module}" for module in MODULES))


def seconds(command: list[str], folder: str, env: dict[str, str]) -> float:
    """Wall time of one run, which has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, check=True)
    return time.perf_counter() - start


def compare(commands: list[list[str]], folder: str, env: dict[str, str]) -> list[float]:
    """Medians in milliseconds of commands that take turns; the first turn warms the caches and does not count."""
    taken: list[list[float]] = [[] for _ in commands]
    for turn in range(REPETITIONS + 1):
        for times, command in zip(taken, commands, strict=True):
            value = seconds(command, folder, env)
            if turn:
                times.append(value)
    return [1000 * statistics.median(times) for times in taken]


def load_config_milliseconds(folder: str) -> float:
    """How long a hook takes to load a merged config that is in the cache: median of fresh processes."""
    code = (
        f"import sys, os, time; sys.path.insert(0, {ROOT!r}); from allocscc.config.roles import load_roles;"
        "start = time.perf_counter(); load_roles(dict(os.environ), os.getcwd()); print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    subprocess.run(command, cwd=folder, check=False, capture_output=True)  # the first merges, if it has what it needs
    warm = [sys.executable, "-c", code]
    subprocess.run(warm, cwd=folder, check=True, capture_output=True)
    runs = [subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True) for _ in range(REPETITIONS)]
    return 1000 * statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Measure and print."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    env = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("conftest.c", PROBE), ("none.c", "int g(int x) { return x; }\n"), ("sites.c", SITES)):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        print(f"{'step':<30} {'gcc':>6} {'allocscc':>9}")
        for step, args in STEPS:
            plain, ours = compare([["gcc", *args], [ALLOCSCC, *args]], folder, env)
            print(f"{step:<30} {plain:6.0f} {ours:9.0f}")
        commands = [[sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({site!r}); {i}"] for i in IMPORTS]
        config = os.path.join(folder, "allocscc.toml")
        with open(config, "w", encoding="ascii") as file:
            file.write('use = ["glib", "git", "curl", "sqlite", "openssl"]\n')
        print(f"\nmerged config of five packs, from the cache: {load_config_milliseconds(folder):.1f} ms")
        os.unlink(config)
        print("\npython3 -I -S, from start to end")
        for statement, taken in zip(IMPORTS, compare(commands, folder, env), strict=True):
            print(f"{statement:<30} {taken:6.0f}")


if __name__ == "__main__":
    main()
