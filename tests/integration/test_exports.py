"""Each export is read by a tool of its format: pprof and its definition, speedscope, DHAT's viewer, ms_print."""

import gzip
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from allocscc.report import dhat, folded, massif, pprof
from allocscc.report.profile import Profile
from tests.heaps import EVIL, SMALL, hostile
from tests.integration.conftest import need

# Debian: golang-github-google-pprof-dev
DEFINITION = Path("/usr/share/gocode/src/github.com/google/pprof/proto/profile.proto")
DHAT_VIEWER = Path("/usr/libexec/valgrind/dh_view.html")
HEAP = {
    "total_objects": 40,
    "total_space": 4000,
    "peak_objects": 10,
    "peak_space": 1000,
    "live_objects": 5,
    "live_space": 500,
}


@pytest.fixture(scope="module")
def message(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The class of pprof's message, made from its definition."""
    need("protoc")
    if not DEFINITION.exists():
        pytest.skip(f"needs {DEFINITION} (.ci/run installs it)")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    out = tmp_path_factory.mktemp("proto") / "set"
    subprocess.run(["protoc", f"-I{DEFINITION.parent}", f"--descriptor_set_out={out}", DEFINITION.name], check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("perftools.profiles.Profile"))


def samples(message: Any, data: bytes) -> list[tuple[list[str], dict[str, int], dict[str, str]]]:
    """Of each sample: frames as function, file and line, the leaf first; values; labels. Checks what must hold."""
    profile = message.FromString(gzip.decompress(data))
    names = profile.string_table
    assert names[0] == ""
    assert len(set(names)) == len(names)
    functions = {function.id: function for function in profile.function}
    locations = {location.id: location for location in profile.location}
    mappings = {mapping.id: mapping for mapping in profile.mapping}
    assert 0 not in functions | locations | mappings
    assert len(functions) == len(profile.function)
    types = [names[kind.type] for kind in profile.sample_type]
    assert names[profile.default_sample_type] in types
    found = []
    for sample in profile.sample:
        assert len(sample.value) == len(types)
        stack = []
        for number in sample.location_id:
            location = locations[number]
            assert location.mapping_id in mappings
            function = functions[location.line[0].function_id]
            stack.append(f"{names[function.name]} {names[function.filename]}:{location.line[0].line}")
        labels = {names[label.key]: names[label.str] for label in sample.label}
        found.append((stack, dict(zip(types, sample.value, strict=True)), labels))
    return found


def test_pprof_by_its_definition(message: Any) -> None:
    found = samples(message, pprof.render(SMALL))
    stack, values, labels = found[0]
    assert stack == ["malloc :0", "xnew :0", "xmalloc :0", "main /src/app/main.c:12"]
    assert values["peak_space"] == 600
    assert labels == {"type": "struct node", "allocator": "malloc"}
    assert {name: sum(values[name] for _, values, _ in found) for name in HEAP} == HEAP
    assert sum(values["suballocated_total_space"] for _, values, _ in found) == 9000
    assert found[3][2]["parent"] == "malloc"


def test_pprof_mappings(message: Any) -> None:
    profile = message.FromString(gzip.decompress(pprof.render(SMALL)))
    names = profile.string_table
    assert [names[mapping.filename] for mapping in profile.mapping] == ["/usr/bin/app", "libc.so.6"]
    assert all(mapping.has_functions and mapping.has_line_numbers for mapping in profile.mapping)


def test_pprof_without_wrappers(message: Any) -> None:
    found = samples(message, pprof.render(SMALL, hide_wrappers=True))
    assert found[0][0] == ["malloc :0", "main /src/app/main.c:12"]


def test_pprof_that_did_not_count(message: Any) -> None:
    found = samples(message, pprof.render(Profile("x", False, SMALL.rows[:3])))
    assert [set(values) for _, values, _ in found] == [{"live_objects", "live_space"}] * 3


def test_pprof_of_hostile_names(message: Any) -> None:
    assert len(samples(message, pprof.render(hostile()))) == 2 * len(EVIL)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["-top"], r"1000B +100% +100% +1000B +100% +malloc"),
        (["-top", "-sample_index=live_space"], r"500B +100% +100% +500B +100% +malloc"),
        (["-top", "-sample_index=suballocated_peak_objects"], r"20 +100% +100% +20 +100% +pool"),
        (["-traces"], r"type: +struct node\n allocator: +malloc\n +600B +malloc\n +xnew\n +xmalloc\n +main"),
        (["-top", "-cum", "-lines"], r"600B 60.00% +main /src/app/main.c:12"),
        (["-top", "-tagfocus=type=struct token"], r"300B .* malloc"),
    ],
)
def test_pprof_by_pprof(tmp_path: Path, options: list[str], shown: str) -> None:
    need("go")
    file = tmp_path / "heap.pb.gz"
    file.write_bytes(pprof.render(SMALL))
    done = subprocess.run(["go", "tool", "pprof", *options, str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(shown, done.stdout), done.stdout


@pytest.mark.parametrize("profile", [hostile(), Profile("", True, ())], ids=["hostile", "empty"])
def test_pprof_takes_anything(tmp_path: Path, profile: Profile) -> None:
    need("go")
    file = tmp_path / "heap.pb.gz"
    file.write_bytes(pprof.render(profile))
    done = subprocess.run(["go", "tool", "pprof", "-top", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def wait(browser: WebDriver, text: str) -> str:
    """The text of a page as soon as it has some text."""
    seen: Callable[[WebDriver], bool] = lambda driver: text in driver.find_element(By.TAG_NAME, "body").text  # noqa: E731
    WebDriverWait(browser, 20).until(seen, f"{text!r} never came")
    return browser.find_element(By.TAG_NAME, "body").text


def open_with(browser: WebDriver, page: Path, file: Path) -> None:
    """Open a viewer and hand it a file."""
    browser.get(page.as_uri())
    WebDriverWait(browser, 20).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, "input[type=file]"))
    browser.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(file))


def test_folded_by_speedscope(browser: WebDriver, npm_package: Callable[[str], Path], tmp_path: Path) -> None:
    """Its sandwich view lists every frame with its sum, and with what it has itself."""
    page = npm_package("speedscope@1.25.0") / "dist" / "release" / "index.html"
    file = tmp_path / "heap.folded"
    file.write_text(folded.render(SMALL))
    open_with(browser, page, file)
    WebDriverWait(browser, 20).until(lambda driver: "heap.folded" in driver.title)
    browser.find_element(By.TAG_NAME, "body").send_keys("3")
    text = wait(browser, "Symbol Name")
    rows = re.findall(r"^([\d,]+) \(.*\)\n([\d,]+) \(.*\)\n(.+)$", text, re.MULTILINE)
    sums = {name: (int(total.replace(",", "")), int(own.replace(",", ""))) for total, own, name in rows}
    assert sums["/usr/bin/app"] == (1000, 0)
    assert sums["malloc"] == (1000, 0)
    assert sums["xmalloc"] == (600, 0)
    assert sums["main (/src/app/main.c:12)"] == (600, 0)
    assert sums["struct token"] == (300, 300)


def test_dhat_by_its_viewer(browser: WebDriver, tmp_path: Path) -> None:
    if not DHAT_VIEWER.exists():
        pytest.skip(f"needs {DHAT_VIEWER} of valgrind (.ci/run installs it)")
    file = tmp_path / "heap.dhat"
    file.write_text(dhat.render(SMALL))
    open_with(browser, DHAT_VIEWER, file)
    text = wait(browser, "PP 1/1")
    assert re.search(r"Total: +4,000 bytes \(100%, .*\) in 40 blocks", text)
    assert re.search(r"At t-gmax: 1,000 bytes \(100%\) in 10 blocks", text)
    assert re.search(r"At t-end: +500 bytes \(100%\) in 5 blocks", text)
    assert "t-gmax: 20,000 µs (66.67% of program duration)" in text
    assert "main (/src/app/main.c:12)\n" in text
    assert "type struct node" in text


@pytest.mark.parametrize(
    "profile", [hostile(), Profile("x", False, SMALL.rows), Profile("x", True, SMALL.rows)],
    ids=["hostile", "not counted", "no time line"],
)  # fmt: skip
def test_dhat_viewer_takes_anything(browser: WebDriver, tmp_path: Path, profile: Profile) -> None:
    if not DHAT_VIEWER.exists():
        pytest.skip(f"needs {DHAT_VIEWER} of valgrind (.ci/run installs it)")
    file = tmp_path / "heap.dhat"
    file.write_text(dhat.render(profile))
    open_with(browser, DHAT_VIEWER, file)
    wait(browser, "PP 1/1")


def test_massif_by_ms_print(tmp_path: Path) -> None:
    need("ms_print")
    file = tmp_path / "massif.out"
    file.write_text(massif.render(SMALL))
    done = subprocess.run(["ms_print", "--threshold=0", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Detailed snapshots: [3 (peak), 5]" in done.stdout
    assert re.search(r"^  3 +20 +1,000 +1,000 +0 +0$", done.stdout, re.MULTILINE)
    assert "100.00% (1,000B) (all allocators)" in done.stdout
    assert "->60.00% (600B) main (/src/app/main.c:12)" in done.stdout
    assert "->20.00% (100B) struct token" in done.stdout


@pytest.mark.parametrize("profile", [hostile(), Profile("", True, ()), Profile("", False, ())])
def test_ms_print_takes_anything(tmp_path: Path, profile: Profile) -> None:
    need("ms_print")
    file = tmp_path / "massif.out"
    file.write_text(massif.render(profile))
    done = subprocess.run(["ms_print", str(file)], capture_output=True)
    assert done.returncode == 0, done.stderr
