"""The HTML report in Debian's chromium: what a reader does with pointer and keyboard."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from allocscc.report import html
from allocscc.report.profile import Profile
from tests.heaps import EVIL, SMALL, hostile, large


class Page:
    """A report in a browser."""

    def __init__(self, browser: WebDriver, folder: Path) -> None:
        self.browser = browser
        self.folder = folder
        self.profile = SMALL

    def open(self, profile: Profile, scheme: str = "light") -> "Page":
        """Write the report and wait until it is painted."""
        self.profile = profile
        file = self.folder / "report.html"
        file.write_text(html.render(profile), encoding="utf-8")
        self.scheme(scheme)
        self.browser.get("about:blank")
        self.browser.get(file.as_uri())
        self.js("localStorage.clear()")
        self.browser.refresh()
        self.until(lambda: self.js("return document.documentElement.dataset.painted"))
        return self

    def scheme(self, name: str) -> None:
        """What the system prefers: light or dark."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def js(self, script: str, *args: object) -> Any:
        """Run a script in the page."""
        return self.browser.execute_script(script, *args)

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait for what a step leads to."""
        return WebDriverWait(self.browser, 20).until(lambda _: true())

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a CSS selector finds."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The first of them."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """What stands in them."""
        found: list[str] = self.js(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )
        return found

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.browser).send_keys(*keys).perform()

    def filter(self, words: str) -> None:
        """Type into the filter."""
        field = self.one("#search")
        field.clear()
        field.send_keys(words)

    def column(self, name: str) -> list[str]:
        """The cells of a column of the table, as far as they are drawn."""
        at = self.texts("#table .head button").index(name)
        return self.js(
            "return [...document.querySelectorAll('#table .row')].map(e => e.children[arguments[0]].textContent)", at
        )

    def crumbs(self) -> list[str]:
        """Where the zoom is."""
        return self.texts("#crumbs button")

    def named(self, view: str, name: str) -> WebElement:
        """The element of a view that begins with a name."""
        return next(
            e for e in self.all(f"#{view} [role=treeitem]") if (e.get_attribute("aria-label") or "").startswith(name)
        )


@pytest.fixture
def page(browser: WebDriver, tmp_path: Path) -> Iterator[Page]:
    """No test leaves a word in the console, and none asks the network for anything."""
    browser.get_log("browser")
    page = Page(browser, tmp_path)
    yield page
    assert browser.get_log("browser") == []
    assert page.js("return performance.getEntriesByType('resource').length") == 0


def test_top(page: Page) -> None:
    page.open(SMALL)
    assert page.browser.title == "heap of app"
    assert page.one("h1").text == "app"
    assert page.one("#about").text == "/usr/bin/app · written at exit, after 0.030 s · process 77"
    assert page.texts(".tile strong") == ["1.00\u00a0kB", "500\u00a0B", "4.00\u00a0kB"]
    assert page.texts(".tile small") == ["10 chunks", "5 chunks", "40 chunks"]
    assert "at most 950\u00a0B at 20 ms" in (page.one("#timeline svg").get_attribute("aria-label") or "")


def test_pieces_are_shown_and_not_counted_twice(page: Page) -> None:
    page.open(SMALL)
    assert page.texts("#notes li") == [
        "pool hands out pieces of malloc\u2019s chunks: they lie inside those and are not added to the sums."
    ]
    assert page.named("flame", "heap 1.00\u00a0kB, heap, 100 %").is_displayed()
    inside = page.named("flame", "inside chunks of malloc, 200\u00a0B, suballocated, 100 %")
    assert "inside" in (inside.get_attribute("class") or "")
    assert inside.size["width"] == pytest.approx(page.one("#flame").size["width"] * 0.2, abs=3)
    assert page.named("treemap", "inside chunks of malloc").is_displayed()
    assert [text for text in page.column("allocator") if "pool" in text] == ["poolin malloc"]
    assert "1.00 kB, 100 % of the heap" in page.one("#shown").text


def test_areas_are_sizes(page: Page) -> None:
    page.open(SMALL)
    area = {}
    for name in ("struct node", "struct token"):
        size = page.named("treemap", name).size
        area[name] = size["width"] * size["height"]
    assert area["struct node"] / area["struct token"] == pytest.approx(2, rel=0.15)  # titles take room
    widths = [page.named("flame", name).size["width"] for name in ("struct node", "struct token")]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize(
    ("column", "first", "again"),
    [
        ("total chunks", ["900", "24", "12", "4"], ["4", "12", "24", "900"]),
        ("live chunks", ["5", "3", "1", "1"], ["1", "1", "3", "5"]),
        ("type", ["?", "struct node", "struct piece"], ["struct token", "struct piece", "struct node", "?"]),
        ("site", ["getline (libc.so.6)", "main (main.c:12)"], ["parse (parse.c:40)", "main (main.c:12)"]),
    ],
)  # fmt: skip
def test_sorting(page: Page, column: str, first: list[str], again: list[str]) -> None:
    page.open(SMALL)
    button = page.one(f"[data-column='{column.replace(' ', '_')}']")
    button.click()
    assert page.column(column)[: len(first)] == first
    sort = page.js("return arguments[0].parentElement.getAttribute('aria-sort')", button)
    assert sort == ("ascending" if column in ("type", "site") else "descending")
    button.click()
    assert page.column(column)[: len(again)] == again


@pytest.mark.parametrize(
    ("words", "types"),
    [
        ("struct", ["struct node", "struct token", "struct piece"]),
        ("STRUCT main", ["struct node", "struct piece"]),
        ('type:"struct to"', ["struct token"]),
        ("main.c:12 -allocator:pool", ["struct node"]),
        ("wrapper:xnew", ["struct node"]),
        ("function:parse", ["struct token"]),
        ("type:?", ["?"]),
        ("file:libc", ["?"]),
        ("-type:struct", ["?"]),
        ("- type:", ["struct node", "struct token", "struct piece", "?"]),
    ],
)
def test_filter_holds_everywhere(page: Page, words: str, types: list[str]) -> None:
    page.open(SMALL)
    page.filter(words)
    assert sorted(page.column("type")) == sorted(types)
    assert page.one("#shown").text.startswith(f"{len(types)} of 4 ")
    frames = {name.partition(" ")[0] for name in page.texts("#flame .title span")}
    assert ("parse" in frames) == ("struct token" in types)


def test_filter_that_nothing_has(page: Page) -> None:
    page.open(SMALL)
    page.filter("nowhere")
    assert page.one("#empty").text == "No row with anything in it has these words."
    assert page.column("type") == []
    page.one("#search").send_keys(Keys.ESCAPE)
    assert len(page.column("type")) == 4
    assert not page.one("#empty").is_displayed()


def test_zoom_by_click_and_back(page: Page) -> None:
    page.open(SMALL)
    page.named("flame", "xnew").click()
    page.until(lambda: page.crumbs() == ["whole heap", "malloc", "xnew"])
    assert page.column("type") == ["struct node"]
    assert page.named("flame", "xnew").size["width"] == pytest.approx(page.one("#flame").size["width"], abs=2)
    page.browser.back()
    page.until(lambda: page.crumbs() == ["whole heap"])
    page.named("treemap", "struct token").click()
    page.until(lambda: page.crumbs()[-1] == "struct token")
    page.all("#crumbs button")[1].click()
    page.until(lambda: page.crumbs() == ["whole heap", "malloc"])
    assert sorted(page.column("type")) == ["?", "struct node", "struct token"]
    page.all("#legend button")[1].click()
    page.until(lambda: page.crumbs() == ["whole heap", "inside chunks of malloc", "pool"])
    assert "of these suballocated chunks" in page.one("#shown").text


def test_zoom_has_an_address(page: Page) -> None:
    page.open(SMALL)
    page.named("flame", "xnew").click()
    page.until(lambda: len(page.crumbs()) == 3)
    page.browser.refresh()
    page.until(lambda: page.crumbs() == ["whole heap", "malloc", "xnew"])
    page.js("location.hash = 'node=99999'")
    page.until(lambda: page.crumbs() == ["whole heap"])


def test_keyboard(page: Page) -> None:
    page.open(SMALL)
    page.keys("/")
    assert page.js("return document.activeElement.id") == "search"
    page.keys("t?", Keys.ESCAPE, Keys.ESCAPE)  # keys in the field are text
    assert page.js("return document.activeElement.id") != "search"
    page.js("document.getElementById('flame').focus()")
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.one("#selected").text == "xnew, wrapper, 600 B, 60.0 %"
    page.keys(Keys.ARROW_RIGHT)
    assert page.one("#selected").text == "parse (parse.c:40), site, 300 B, 30.0 %"
    active = page.one("#flame").get_attribute("aria-activedescendant")
    assert "parse" in (page.one(f"#{active}").get_attribute("aria-label") or "")
    page.keys(Keys.ENTER)
    page.until(lambda: page.crumbs()[-1] == "parse (parse.c:40)")
    page.keys(Keys.ESCAPE)
    page.until(lambda: page.crumbs()[-1] == "malloc")
    page.keys(Keys.HOME)
    page.until(lambda: page.crumbs() == ["whole heap"])


def test_moments_and_units(page: Page) -> None:
    page.open(SMALL)
    page.keys("n", "b")
    assert page.one("[data-moment=total]").get_attribute("aria-checked") == "true"
    assert page.one("[data-value=chunks]").get_attribute("aria-checked") == "true"
    assert page.column("total chunks") == ["900", "24", "12", "4"]
    assert page.named("flame", "heap, 40 chunks, heap, 100 %").is_displayed()
    page.one("[data-moment=live]").click()
    assert page.column("live chunks") == ["5", "3", "1", "1"]
    page.one("[data-moment=live]").send_keys(Keys.ARROW_RIGHT)
    assert page.one("[data-moment=total]").get_attribute("aria-checked") == "true"


def test_help(page: Page) -> None:
    page.open(SMALL)
    page.keys("?")
    assert page.one("#help").is_displayed()
    keys = page.texts("#keys dt")
    assert {"/", "Enter", "t", "b", "?"} <= set(keys)
    page.keys(Keys.ESCAPE)
    assert not page.one("#help").is_displayed()


def test_tooltip(page: Page) -> None:
    page.open(SMALL)
    ActionChains(page.browser).move_to_element(page.named("flame", "struct node")).perform()
    assert " \u203a ".join(("malloc", "xnew", "xmalloc", "main (main.c:12)")) in page.one("#tip").text
    assert page.texts("#tip dd")[:3] == ["600\u00a0B", "6 chunks", "60.0 %"]
    ActionChains(page.browser).move_to_element(page.one("h1")).perform()
    assert not page.one("#tip").is_displayed()


def brightness(page: Page) -> int:
    colour = page.js("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


def test_light_and_dark(page: Page) -> None:
    page.open(SMALL)
    light = brightness(page)
    page.scheme("dark")
    dark = brightness(page)
    assert dark < 150 < 600 < light
    page.keys("t")
    assert brightness(page) == light
    page.keys("t")
    assert brightness(page) == dark
    page.scheme("light")
    assert brightness(page) == dark
    page.browser.refresh()
    assert brightness(page) == dark  # it is remembered
    page.one("#theme").click()
    assert brightness(page) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("profile", [SMALL, hostile()], ids=["small", "hostile"])
def test_accessible(page: Page, npm_package: Callable[[str], Path], profile: Profile, scheme: str) -> None:
    """axe-core finds no violation: names, roles, contrast."""
    axe = (npm_package("axe-core@4.14.1") / "axe.min.js").read_text(encoding="utf-8")
    page.open(profile, scheme)
    page.js(axe)
    found = page.browser.execute_async_script(
        "const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => [v.id, v.nodes[0].html])))"
    )
    assert found == []


def test_hostile_names_are_text(page: Page) -> None:
    page.open(hostile())
    assert page.js("return window.hacked") is None
    assert "\\x80" in page.one("#about").text
    for name in ("<img src=x onerror=window.hacked=1>", "__proto__", "@@DATA@@", "\\u202eevil"):
        page.filter(f'type:"{name}"')
        assert set(page.column("type")) == {name}
    for name in EVIL:
        page.filter(name[:40].replace("\t", "").replace("\n", "").replace("\r", "") if name.isprintable() else "x")
    page.filter("")
    for element in (page.all("#treemap .cell")[0], page.all("#flame .frame")[3]):
        ActionChains(page.browser).move_to_element(element).perform()
    page.keys("t", "b", "n", "?", Keys.ESCAPE)
    assert page.js("return window.hacked") is None
    assert page.js("return document.querySelectorAll('main img, main script').length") == 0


@pytest.mark.parametrize(
    "profile", [Profile("", True, ()), Profile("x", False, SMALL.rows), Profile("x", True, SMALL.rows[3:])],
    ids=["no rows", "not counted", "pieces only"],
)  # fmt: skip
def test_strange_profiles(page: Page, profile: Profile) -> None:
    page.open(profile)
    page.keys("b", "p", "l", "n", Keys.HOME, Keys.ESCAPE)
    assert len(page.column("type")) == len(profile.rows)
    assert page.one("#empty").is_displayed() == (not profile.rows)
    assert len(page.all(".tile:disabled")) == (0 if profile.counted else 2)


def test_narrow(page: Page) -> None:
    page.browser.set_window_size(500, 900)
    try:
        page.open(SMALL)
        assert page.js("return document.documentElement.scrollWidth <= innerWidth")
        assert page.one("#flame").location["y"] > page.one("#treemap").location["y"] + 100
    finally:
        page.browser.set_window_size(1280, 1000)


def test_print(page: Page) -> None:
    page.open(SMALL)
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.js("dispatchEvent(new Event('beforeprint'))")
    assert not page.one("#search").is_displayed()
    assert page.one("#treemap").is_displayed()
    assert len(page.column("type")) == 4
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_many_rows(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """All rows are there, few of them in the document; how long it takes is printed, and asserted nowhere."""
    profile = large(50_000)
    page.open(profile)
    table = page.one("#table")
    assert table.get_attribute("aria-rowcount") == "50001"
    assert page.js("return document.querySelectorAll('*').length") < 6000
    largest = sorted((row.counts.peak_bytes for row in profile.rows), reverse=True)
    shown = page.js("return [...document.querySelectorAll('#table .row')].map(e => e.children[0].title)")
    assert [int(text.replace(",", "")) for text in shown] == largest[: len(shown)]
    page.js("arguments[0].scrollTop = arguments[0].scrollHeight", table)
    last = "return document.querySelector('#table .row:last-child').getAttribute('aria-rowindex')"
    page.until(lambda: page.js(last) == "50001")
    page.filter("type_123")
    matching = sum("type_123" in (row.type or "") for row in profile.rows)
    page.until(lambda: page.one("#shown").text.startswith(f"{matching} of 50,000 "))
    painted = page.js("return document.documentElement.dataset.painted")
    steps = {}
    for name, script in {"sort": "[data-column=site]", "moment": "[data-moment=live]"}.items():
        began = time.perf_counter()
        page.one(script).click()
        page.js("return document.body.offsetHeight")
        steps[name] = round((time.perf_counter() - began) * 1000)
    with capsys.disabled():
        print(f"\n50,000 rows: all views painted {painted} ms after the start of loading; {steps} ms")


def test_colours(page: Page) -> None:
    """Of allocators; with only one of them, of types: one colour each, and a click on it leaves only that type."""
    page.open(SMALL)
    assert page.texts("#legend button") == ["malloc", "pool"]
    page.keys("c")
    assert page.texts("#legend button") == ["struct node", "struct token", "struct piece"]
    page.open(Profile("x", True, SMALL.rows[:3]))
    assert page.texts("#legend button") == ["struct node", "struct token"]
    fill = "return getComputedStyle(arguments[0]).backgroundColor"
    node, token = (page.js(fill, page.named("treemap", name)) for name in ("struct node", "struct token"))
    assert node != token
    assert page.js(fill, page.named("flame", "struct node")) == node
    page.all("#legend button")[1].click()
    assert page.column("type") == ["struct token"]
    page.all("#legend button")[1].click()
    assert len(page.column("type")) == 3
