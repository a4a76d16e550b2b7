"""Compiles and runs small C programs through bin/allocscc; the programs answer by their own queries."""

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "programs"
WRAPPERS = {
    "LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p xcalloc(zZ)p xrealloc(pZ)p xmemdup(pZ)p",
    "LIBALLOCS_FREE_FNS": "xfree(P)",
}
BOTH_WAYS = ("test_inlined", "test_runtime", "test_suballocators", "test_wrappers")


@dataclass
class Toolbox:
    """Runs commands in one folder with one environment; every run is checked unless asked otherwise."""

    folder: Path
    env: dict[str, str]
    include: tuple[str, ...] = ("-I", str(ROOT / "stubgen"), "-I", str(PROGRAMS))
    log: list[str] = field(default_factory=list)

    def run(
        self, *command: str | Path, check: bool = True, env: Mapping[str, str] | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; a failure shows its output."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self.folder, env={**self.env, **(env or {})}, input=stdin, capture_output=True, text=True
        )
        self.log.append(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
        if check and done.returncode != 0:
            pytest.fail("\n".join(self.log))
        return done

    def allocscc(self, *args: str | Path, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        """Run bin/allocscc; silence is part of every success (HAZARDS 12). Gives stderr."""
        done = self.run(ROOT / "bin" / "allocscc", *self.include, *args, check=check, env=env)
        if check:
            assert done.stderr == "", done.stderr
        return done.stderr

    def answers(self, program: str | Path, *args: str, env: Mapping[str, str] | None = None) -> list[dict[str, object]]:
        """What a program printed: one JSON object a line."""
        path = Path(program) if Path(program).is_absolute() else self.folder / program
        return [json.loads(line) for line in self.run(path, *args, env=env).stdout.splitlines()]

    def profile(self, program: str | Path, *args: str) -> list[dict[str, object]]:
        """Run a program with a profile and give the rows of `allocs report --json`."""
        path = self.folder / "heap.json"
        self.run(self.folder / program, *args, env={"ALLOCS_OPTIONS": f"profile={path}"})
        return self.report(path)

    def report(self, path: Path) -> list[dict[str, object]]:
        """The rows of a profile."""
        rows: list[dict[str, object]] = json.loads(self.run(ROOT / "bin" / "allocs", "report", "--json", path).stdout)
        return rows

    def sites(self, path: str | Path) -> list[dict[str, object]]:
        """The sites that a file records."""
        done = self.run(ROOT / "bin" / "allocs", "sites", "--json", path)
        sites: list[dict[str, object]] = json.loads(done.stdout)
        return sites

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the session's own: the runtime is built from nothing."""
    return tmp_path_factory.mktemp("cache")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of what the runtime answers run twice, once for each way to observe wrappers (R16: the same answers)."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "box" in metafunc.fixturenames and module in BOTH_WAYS and "ALLOCSCC_TEST_OBSERVE" not in os.environ:
        metafunc.parametrize("observe", ["stubs", "unwind"])


@pytest.fixture
def observe() -> str:
    """How wrappers are observed; `ALLOCSCC_TEST_OBSERVE=unwind` runs other tests in unwind mode, too."""
    return os.environ.get("ALLOCSCC_TEST_OBSERVE", "stubs")


@pytest.fixture
def ahead(request: pytest.FixtureRequest) -> str:
    """When a source is read: half of the tests, always the same, while the compiler works, the others behind it.

    Without a word it would depend on how busy the machine is. `ALLOCSCC_TEST_AHEAD` decides it for all.
    """
    half = zlib.crc32(request.node.nodeid.encode()) % 2 == 0
    return os.environ.get("ALLOCSCC_TEST_AHEAD", "always" if half else "never")


@pytest.fixture
def box(tmp_path: Path, cache: Path, observe: str, ahead: str) -> Toolbox:
    """An empty folder, and an environment without any of our variables but two: the cache, and when to read."""
    folder = tmp_path / "work"
    folder.mkdir()
    others = ("ALLOCS", "LIBALLOCS", "COMPILER_PATH", "MAKE", "MFLAGS")  # `make test` tells its own makes things
    env = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    env |= {"ALLOCSCC_CACHE": str(cache), "ALLOCSCC_AHEAD": ahead, "TMPDIR": str(tmp_path), "LC_ALL": "C"}
    if observe != "stubs":
        env["ALLOCSCC_OBSERVE"] = observe
    return Toolbox(folder, env)


def need(*programs: str) -> None:
    """Skip where an optional tool is missing; .ci/run installs them all."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (.ci/run installs them)")


def lines_of(source: Path, mark: str) -> int:
    """The number of the one line of a source that holds a mark."""
    found = [n for n, line in enumerate(source.read_text().splitlines(), 1) if mark in line]
    assert len(found) == 1, (mark, found)
    return found[0]


def one(rows: Sequence[dict[str, object]], **wanted: object) -> dict[str, object]:
    """The one row with these values."""
    found = [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, found or rows)
    return found[0]


def verify(
    box: Toolbox, *command: str | Path, env: Mapping[str, str] | None = None, check: bool = True
) -> dict[str, object]:
    """What `allocs explain --verify` says of a link command; it has to be proved unless asked otherwise (R15)."""
    words = (ROOT / "bin" / "allocs", "explain", "--verify", "--json", "--", *command)
    done = box.run(*words, check=False, env=env)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr  # an accident, not a verdict
    result: dict[str, object] = json.loads(done.stdout)
    assert done.returncode == (0 if result["proved"] else 1)
    if check and not result["proved"]:
        left = {key: result[key] for key in ("unexplained", "traceless", "problems", "said")}
        pytest.fail(f"{result['command']} is not proved:\n{json.dumps(left, indent=1, ensure_ascii=False)}")
    return result


@pytest.fixture(scope="session")
def browser() -> Iterator["WebDriver"]:
    """Debian's chromium without a window; it keeps its log of the console."""
    need("chromium", "chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # As root there is no sandbox, in a container little of /dev/shm.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_window_size(1280, 1000)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def npm_package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Installs a package of the npm registry, `name@version`; gives its folder."""
    top = tmp_path_factory.mktemp("npm")

    def install(name: str) -> Path:
        need("npm")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(top), name]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip(f"needs the npm registry for {name}")
        return top / "node_modules" / name.partition("@")[0]

    return install
