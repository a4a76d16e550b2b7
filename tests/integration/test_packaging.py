"""The package as pip, pipx and pre-commit install it, and what is left when it goes (R18)."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from tests import transcripts
from tests.integration.conftest import ROOT, Toolbox, need

_NOT_SOURCE = (".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_PROGRAM = "#include <stdlib.h>\nint main(void) { int *volatile p = (int *)malloc(sizeof(int)); return !p; }\n"


def online(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command prints that fetches packages; skips where there is no package index."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0 and any(word in done.stdout.lower() for word in ("could not find a version", "connection")):
        pytest.skip("offline: the package index cannot be reached")
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_below(folder: Path) -> set[str]:
    """All files and links below a folder, as relative names."""
    return {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}


@pytest.fixture(scope="session")
def source_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source: setuptools builds in the tree, and not in the checkout."""
    tree = tmp_path_factory.mktemp("packaging") / "allocscc"
    shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    return tree


@pytest.fixture(scope="session")
def sdist(source_tree: Path) -> Path:
    """The source archive."""
    code = "import setuptools.build_meta as b; b.build_sdist('dist')"
    online(sys.executable, "-W", "ignore", "-c", code, cwd=source_tree)
    (archive,) = (source_tree / "dist").glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of the source archive: what that lacks, this lacks."""
    folder = tmp_path_factory.mktemp("wheels")
    online(*_PIP, "wheel", "--no-deps", "-w", folder, sdist)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_has_everything(wheel: Path) -> None:
    """R18: launchers, hooks, config, runtime sources, the report's page, manual pages and completion."""
    names = zipfile.ZipFile(wheel).namelist()
    data = next(name for name in names if ".data/" in name).partition("/")[0]
    expected = {f"{data}/scripts/{path.name}" for path in (ROOT / "bin").iterdir()}
    for folder in ("config", "stubgen"):
        found = (ROOT / folder).rglob("*")
        expected |= {f"{data}/data/share/allocscc/{path.relative_to(ROOT)}" for path in found if path.is_file()}
    package = (path for path in (ROOT / "allocscc").rglob("*") if path.is_file() and path.suffix != ".pyc")
    expected |= {str(path.relative_to(ROOT)) for path in package}
    made = ("bash-completion/completions/allocs", "fish/vendor_completions.d/allocs.fish", "zsh/site-functions/_allocs")
    expected |= {f"{data}/data/share/{name}" for name in made}
    from allocscc.cli.man import pages

    expected |= {f"{data}/data/share/man/man1/{name}" for name in pages()}
    metadata = {name for name in names if ".dist-info/" in name}
    assert {name for name in expected if "__pycache__" not in name} == set(names) - metadata


def test_sdist_has_everything(sdist: Path, source_tree: Path) -> None:
    """R18: what `make demo`, `make test` and `make docs` need is in the source archive."""
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    own = files_below(source_tree) - {name for name in files_below(source_tree) if name.startswith(("build/", "dist/"))}
    own = {name for name in own if "egg-info" not in name and not name.endswith(".pyc")}
    assert own - found <= {".gitignore"}


def test_installed_with_pip(box: Toolbox, tmp_path: Path, wheel: Path) -> None:
    """R18: the launchers work from a prefix that pip installed into; an uninstall leaves the prefix as it was."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    site = next((venv / "lib").glob("python3*/site-packages"))
    ours = next((Path(sys.prefix) / "lib").glob("python3*/site-packages"))
    for name in ("plumbum", "clang", "tomlkit", "typing_extensions.py"):
        if (ours / name).exists():
            (site / name).symlink_to(ours / name)
    before = files_below(venv)
    pip = [*_PIP, "--python", str(venv / "bin" / "python3")]
    subprocess.run([*pip, "install", "--no-deps", str(wheel)], check=True)
    source = box.write("t.c", _PROGRAM)
    done = box.run(venv / "bin" / "allocscc", source, "-o", "prog")
    assert done.stderr == ""
    box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=heap.json"})
    shown = box.run(venv / "bin" / "allocs", "report", "heap.json").stdout
    assert "main t.c:2" in shown
    if shutil.which("g++"):
        done = box.run(venv / "bin" / "allocsc++", "-x", "c++", source, "-o", "prog")
        assert done.stderr == ""
    subprocess.run([*pip, "uninstall", "-y", "allocscc"], check=True)
    assert files_below(venv) - before == set()


def test_installed_with_pipx(box: Toolbox, tmp_path: Path, wheel: Path) -> None:
    """R18: pipx brings all that is needed; after its uninstall only the cache is left, where the doctor says it is."""
    home = tmp_path / "home"
    home.mkdir()
    env = {key: value for key, value in box.env.items() if key not in ("ALLOCSCC_CACHE", "XDG_CACHE_HOME")}
    env |= {"HOME": str(home), "PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(home / "bin"),
            "PIPX_MAN_DIR": str(home / "man"), "PIPX_DEFAULT_PYTHON": sys.executable,
            "PATH": f"{home / 'bin'}:/usr/bin:/bin"}  # fmt: skip
    pipx = (sys.executable, "-m", "pipx")
    online(*pipx, "install", wheel, env=env)
    outside = Toolbox(box.folder, env)
    outside.write("t.c", _PROGRAM)
    assert outside.run("allocscc", "t.c", "-o", "prog").stderr == ""
    assert "malloc < main t.c:2" in outside.run("allocs", "run", "-o", "-", "./prog").stdout
    told = outside.run("allocs", "doctor").stdout
    assert f"{home / '.cache' / 'allocscc'} (" in told
    assert f"{home / 'bin' / 'allocscc'}\n" in told
    assert {"allocs.1", "allocs-report.1"} <= {path.name for path in (home / "man" / "man1").iterdir()}
    online(*pipx, "uninstall", "allocscc", env=env)
    left = {name for name in files_below(home) if "allocs" in name}
    assert {name for name in left if not name.startswith((".cache/allocscc/", "pipx/"))} == set()
    assert not any("allocscc" in path.name for path in (home / "pipx" / "venvs").iterdir() if path.is_dir())
    assert list((home / "bin").iterdir()) == []


def test_pre_commit(box: Toolbox, tmp_path: Path, source_tree: Path) -> None:
    """R1: the hook of the guide, by the real pre-commit, lets a right config pass and stops a wrong one."""
    need("git")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    env = {**box.env, **who, "PRE_COMMIT_HOME": str(tmp_path / "hooks"), "GIT_CONFIG_GLOBAL": os.devnull}
    hooks = tmp_path / "allocscc"
    shutil.copytree(source_tree, hooks, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["tag", "v0.1.0"]):
        subprocess.run(["git", *command], cwd=hooks, env=env, check=True)
    page = (ROOT / "docs" / "guide" / "ci.md").read_text(encoding="utf-8")
    (shown,) = (block.text for block in transcripts.blocks(page) if "pre-commit" in block.title)
    box.write(".pre-commit-config.yaml", shown.replace("https://example.org/allocscc.git", str(hooks)))
    box.write("allocscc.toml", '[wrapper.get]\nalloc = ["get(Z)p"]\n')
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=box.folder, env=env, check=True)
    run = (sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert "Passed" in online(*run, env=env, cwd=box.folder)
    box.write("allocscc.toml", '[wrapper.get]\nalloc = ["get(Z)p"]\nfre = ["put(P)"]\n')
    done = box.run(*run, env=env, check=False)
    assert done.returncode == 1
    assert "allocscc.toml:3: unknown key 'wrapper.get.fre'; did you mean 'free'?" in done.stdout


def test_github_workflow(box: Toolbox) -> None:
    """R18: the steps of the CI example, but for the installation, in the project of the guide's page."""
    page = (ROOT / "docs" / "guide" / "ci.md").read_text(encoding="utf-8")
    for block in transcripts.blocks(page):
        if block.file and block.kind not in ("yaml", "console"):
            box.write(block.file, block.text)
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "github.yml").read_text(encoding="utf-8"))
    steps = {step["name"]: step for step in workflow["jobs"]["heap"]["steps"] if "run" in step}
    env = {"PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}"}
    assert "pipx install" in steps.pop("Install")["run"]

    def run(name: str) -> int:
        step = steps[name]
        words = ("sh", "-e", "-c", step["run"])  # GitHub's shell is bash -e
        return box.run(*words, env={**env, **step.get("env", {})}, check=False).returncode

    assert run("Build") == 0
    box.run("sh", "-c", "ALLOCS_OPTIONS=profile=heap-expected.json ./count < README")
    assert {name: run(name) for name in steps} == dict.fromkeys(steps, 0)
    source = box.folder / "count.c"
    text = source.read_text()
    source.write_text(text.replace("size_t letters; };", "size_t letters; char text[5000]; };"))
    assert {name: run(name) for name in steps} == dict.fromkeys(steps, 0) | {"Growth": 1}
    source.write_text(text.replace("free(l);", ""))
    assert run("Build") == 0
    assert run("Tests") != 0
    assert "leaked" in box.log[-1]
