"""The web page in a browser: what it shows, clicks, keys, colours, escaping, accessibility, many cells."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from selenium.webdriver import ActionChains, Keys

import xlparity
from tests.browser.page import Page
from xlparity.formula.relative import move
from xlparity.functions.number_format import formatted
from xlparity.functions.signature import Unsupported
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Layout, Sheet
from xlparity.model.map import Map
from xlparity.model.report import Subject
from xlparity.model.value import Cells, Kind, Values
from xlparity.model.verdict import Verdict
from xlparity.report.html import book_to_html

ROOT = Path(__file__).parents[2]
CONTENT = "return getComputedStyle(document.body).backgroundColor"


def test_the_page_opens_at_the_wrong_cell_and_says_what_is_wrong(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    assert "NO PARITY" in page.one("h1").text
    assert page.active == "D6, 38.1236, wrong"
    shown = page.inspector
    for words in (
        "its formula does not compute squared_error.sum()", "=SUM(D2:D3)", "38.123612122204996", "351.259287131805",
        "-313", "7.80E-13", "=SUM(D2:D4)", "agrees on all 60 samples", "D2:D3",
    ):  # fmt: skip
        assert words in shown
    assert page.one("#formula").text == "=SUM(D2:D3)"


def test_the_page_opens_at_its_top_with_the_open_tab_in_sight(page: Page, broken: xlparity.Report) -> None:
    usual = page.browser.get_window_size()
    page.browser.set_window_size(700, 400)
    try:
        page.open(broken.to_html())
        assert page.run("return scrollY") == 0
        assert page.run("return document.querySelector('.tabs').getBoundingClientRect().top > innerHeight")
        page.run("document.querySelector('.tabs').style.width = '9rem'")
        page.run("document.querySelector('[role=tab]:last-child').click()")
        sides = (
            "const {left, right} = document.querySelector(arguments[0]).getBoundingClientRect(); return [left, right]"
        )
        tab, tabs = page.run(sides, "[role=tab][aria-selected=true]"), page.run(sides, ".tabs")
        assert tabs[0] < tab[1] <= tabs[1] + 1
    finally:
        page.browser.set_window_size(usual["width"], usual["height"])


def test_numbers_beside_the_grid_are_torchs_to_the_last_digit(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    for finding in broken.every_cell():
        shown = page.run(
            "const {book} = globalThis.xlparity.page; const sheet = book.byName.get(arguments[0].toLowerCase());"
            "const place = sheet.at(arguments[1], arguments[2]);"
            "const holder = book.holders(sheet, arguments[1], arguments[2])"
            ".find((each) => each.tensor.name === arguments[3] && each.number < book.judged);"
            "return [book.expected(holder.tensor, holder.element, sheet, place), holder.tensor.bound[holder.element],"
            " holder.tensor.verdict[holder.element], holder.index]",
            finding.cell.sheet, finding.cell.row, finding.cell.column, finding.tensor,
        )  # fmt: skip
        expected, bound, verdict, index = shown
        assert list(Verdict)[verdict] is finding.verdict
        assert tuple(index) == finding.index
        assert bound == finding.bound
        assert expected == finding.expected


def test_a_fault_in_the_list_leads_to_its_cell(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    page.one("#faults summary").click()
    page.one("#faults .fault-head a[data-cell='Checks!C10']").click()
    assert page.active.startswith("C10, ")
    assert page.one("[role=tab][aria-selected=true]").text.startswith("Checks")
    assert page.run("return document.activeElement.id") == "grid"


def test_an_address_in_the_link_opens_that_cell(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html(), "#MSE!N7")
    assert page.active.startswith("N7, ")


def test_hovering_shows_a_cell_and_leaving_shows_the_chosen_one_again(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    cell = page.one("#cell-0-1-3")
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", page.one("#grid"))
    ActionChains(page.browser, duration=0).move_to_element(cell).perform()
    assert page.inspector.startswith("D2")
    ActionChains(page.browser, duration=0).move_to_element(page.one("#sheets-title")).perform()
    assert page.inspector.startswith("D6")


def test_a_click_chooses_a_cell_and_outlines_what_it_reads_and_what_reads_it(
    page: Page, broken: xlparity.Report
) -> None:
    page.open(broken.to_html())
    cell = page.one("#cell-0-6-3")
    page.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", page.one("#grid"))
    ActionChains(page.browser, duration=0).move_to_element(cell).click().perform()
    assert page.active == "D7, 12.7079, inherited"
    assert "=D6/COUNT(D2:D4)" in page.inspector
    tops = [mark.get_attribute("style") for mark in page.all(".mark.reads")]
    assert len(tops) == 2  # D6 and D2:D4
    assert len(page.all(".mark.read-by")) == 2  # the difference to the printed figure, and to PyTorch's
    assert "Read by\nN7, D10" in page.inspector


def test_arrow_keys_move_and_the_focus_can_be_seen(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    page.run("document.getElementById('grid').focus()")
    page.keys(Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert page.active == "C5, empty"
    page.keys(Keys.HOME, holding=Keys.CONTROL)
    assert page.active == "A1, y"
    page.keys(Keys.ARROW_DOWN, holding=Keys.CONTROL)
    assert page.active == "A4, 40, given"
    page.keys(Keys.END)
    assert page.active.startswith("N4")
    page.keys(Keys.PAGE_DOWN, Keys.HOME)
    assert page.active.startswith("A")
    page.keys("n")
    assert page.active == "D6, 38.1236, wrong"
    page.keys("n")
    assert page.active == "N6, -3.1E+02, inherited"
    page.keys("p")
    page.keys("o")
    assert page.active.startswith("D2")
    assert page.run("return getComputedStyle(document.getElementById('grid')).boxShadow") != "none"


def test_everything_can_be_reached_by_the_tab_key(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html(), "#MSE!A1")
    page.run("document.body.focus(); document.activeElement.blur()")
    reached = []
    for _ in range(60):
        page.tab()
        reached.append(page.run("const e = document.activeElement; return e.id || e.textContent.trim().slice(0, 30)"))
        if reached[-1] == "grid":
            break
    assert reached[0] == "Skip to the summary"
    assert {"Skip to the sheets", "Light", "MSE!D6", "address", "next-wrong", "grid"} <= set(reached)


def test_the_address_box_goes_to_a_cell_of_any_sheet(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html())
    page.run("document.getElementById('address').focus()")
    page.keys("Checks!C9", Keys.ENTER)
    assert page.active.startswith("C9, ")
    page.run("document.getElementById('address').focus()")
    page.keys("nowhere", Keys.ENTER)
    assert page.one("#address").get_attribute("aria-invalid") == "true"


def test_the_system_and_the_switch_choose_light_and_dark(page: Page, broken: xlparity.Report) -> None:
    page.prefer("light")
    page.open(broken.to_html())
    light = page.run(CONTENT)
    page.prefer("dark")
    dark = page.run(CONTENT)
    assert light != dark
    page.run("arguments[0].click()", page.one("[data-theme-choice=light]"))
    assert page.run(CONTENT) == light
    page.prefer("light")
    page.run("arguments[0].click()", page.one("[data-theme-choice=dark]"))
    assert page.run(CONTENT) == dark
    page.run("arguments[0].click()", page.one("[data-theme-choice=auto]"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_no_violation(page: Page, broken: xlparity.Report, scheme: str, width: int) -> None:
    page.prefer(scheme)
    page.wide(width, 844)
    page.open(broken.to_html())
    # Under outlines and patterns axe cannot tell a text's contrast.
    page.run("for (const each of document.querySelectorAll('.marks, .rules')) each.remove()")
    page.run("for (const each of document.querySelectorAll('.cell, .canvas')) each.style.backgroundImage = 'none'")
    # Run from outside the page, whose policy allows no other script.
    page.run((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.browser.execute_async_script("const done = arguments[0]; axe.run().then(done)")
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]] == []
    assert len(found["passes"]) > 20


def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, broken: xlparity.Report) -> None:
    page.wide(390, 844)
    page.open(broken.to_html())
    assert page.run("return document.documentElement.scrollWidth") <= 390
    assert page.one("#inspector").rect["y"] >= page.one("#grid").rect["y"] + page.one("#grid").rect["height"] - 1


ATTACK = "</script><img src=x onerror=alert(1)>\u2028\u2029<!--<script>alert(2)//"


def test_texts_of_a_workbook_are_texts(page: Page, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "<b>&\"'"
    sheet["A1"], sheet["A2"], sheet["B1"] = ATTACK, 2.0, f'=A2*3&"{ATTACK}"'
    sheet["B2"] = "=A2*4"
    sheet["B2"].number_format = '0.0"<i>x</i>"'
    path = tmp_path / "<img src=x onerror=alert(3)>.xlsx"
    book.save(path)
    cells = "'<b>&\\\"'''"
    path.with_suffix(".parity.toml").write_text(
        f'[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "{cells}!A2"\nshape = []\n'
        f'[[tensor]]\ntensor = "y"\nrole = "computed"\ncells = "{cells}!B2"\nshape = []\ntorch = "x * 3"\n'
    )
    report = xlparity.check(path)
    html = report.to_html()
    assert html.count("</script") == 2
    assert "\u2028" not in html
    page.open(html)
    assert page.run("return document.images.length") == 0
    assert page.one("[role=tab]").text.startswith("<b>&\"'")
    assert page.one("h1 .file").text == path.name
    assert page.active == "B2, 8.0<i>x</i>, wrong"
    page.keys(Keys.HOME)
    page.run("globalThis.xlparity.page.go(globalThis.xlparity.page.book.sheets[0], 0, 0)")
    assert page.one("#formula").text == ATTACK.replace("\u2028", "").replace("\u2029", "") or ATTACK in page.run(
        "return document.getElementById('formula').textContent"
    )


def test_nothing_can_be_loaded_and_no_other_script_runs(page: Page, broken: xlparity.Report) -> None:
    html = broken.to_html()
    assert not re.findall(r"(?:src|href)=\"(?!#)|url\(|@import", html)
    page.open(html.replace("</main>", "<script>globalThis.strange = true</script></main>"))
    assert page.run("return globalThis.strange") is None
    # The refusal is said in the console; it is what this test wants.
    assert any("Content Security Policy" in each or "violates" in each for each in page.complaints())


def large_book(rows: int, columns: int) -> Book:
    row, column = np.divmod(np.arange(rows * columns, dtype=np.int32), columns)
    number = np.random.default_rng(0).normal(size=rows * columns)
    cells = Cells(row.astype(np.int32), column.astype(np.int32), np.full(len(row), Kind.NUMBER, np.uint8), number)
    return Book((Sheet("Large", cells),), title="large")


def test_of_a_hundred_thousand_cells_only_those_in_sight_are_in_the_document(page: Page) -> None:
    book = large_book(2000, 50)
    page.open(book_to_html(Subject(book, Map(()), Values({"Large": book.sheets[0].constants}))))
    most = 0
    for top, left in ((0, 0), (20_000, 900), (48_000, 3_000), (13, 7)):
        page.run("document.getElementById('grid').scrollTo(arguments[0], arguments[1])", left, top)
        page.browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        most = max(most, page.run("return document.querySelectorAll('*').length"))
        assert len(page.all(".cell")) > 100
    assert most < 3_000
    page.run("document.getElementById('grid').focus()")
    page.keys(Keys.END, holding=Keys.CONTROL)
    assert page.active.startswith("AX2000, ")
    shown = page.run("const {book} = xlparity.page; return Array.from(book.sheets[0].value)")
    assert shown == book.sheets[0].constants.number.tolist()


FORMATS = (
    "General", "0", "0.00", "0.0000", "#,##0", "#,##0.00", "0%", "0.00%", "0.00E+00", "##0.0E+0", "0.0E-0", "#.##",
    ".00", "0.???", "$#,##0.00", "#,##0 ;(#,##0)", "#,##0.00;[Red](#,##0.00)", "[$€-407] 0.0", '0.0" kg"', "00000",
    "0,", "0.0,,", '[>=1000]0.0,"k";0', '0;-0;"zero";@', '"x"', "m/d/yyyy", "d-mmm-yy", "dddd, mmmm d", "h:mm AM/PM",
    "[h]:mm:ss", "mm:ss.0", "m/d/yyyy h:mm", "yyyy-mm-dd hh:mm:ss", "@", "# ?/?",
)  # fmt: skip
NUMBERS = (
    0.0, -0.0, 1.0, -1.0, 1.005, 2.675, 0.5, 1.5, -2.5, 12.0, 999.995, 1234.5678, -1234567.891, 123456789012.0, 1e15,
    1.5e20, 0.1, 0.0001, 0.00001234, 1e-9, 6.02e23, 1e-300, 1e300, 99.5, 45123.75, 60.0, 59.25, 61.0, 2958465.0,
    0.99999999, 3.14159265358979,
)  # fmt: skip


def test_numbers_are_formatted_as_the_function_text_formats_them(page: Page) -> None:
    page.open(book_to_html(Subject(large_book(2, 2), Map(()), Values({}))))
    pairs = []
    for code in FORMATS:
        for number in NUMBERS:
            try:
                wanted = formatted(number, code)
            except Unsupported:
                continue
            pairs.append((number, code, wanted if isinstance(wanted, str) else "########"))
    shown = page.run("return arguments[0].map(([number, code]) => formatNumber(number, code))", [p[:2] for p in pairs])
    wrong = [(pair, text) for pair, text in zip(pairs, shown, strict=True) if pair[2] != text]
    assert wrong == []
    assert len(pairs) > 900


FORMULAS = (
    "A1*$B$1+SUM(C$2:$D5)", "SUM(B:B)+SUM($2:3)", "Sheet1!A1+'My A1'!$C4", '"A1"&A1', "LOG10(A1)+AB1!C1",
    "Table1[[#This Row],[A1]]+A2",
    "XFE1+A1048577+A1", "R1+C2", "_xlfn.STDEV.S(A1:A3)", "IF(A1>1,B2:C3,#REF!)", "Größe1+A1", "1E5+E5", "a1+b$2",
)  # fmt: skip


def test_formulas_move_as_filling_moves_them(page: Page) -> None:
    page.open(book_to_html(Subject(large_book(2, 2), Map(()), Values({}))))
    cases = [(text, down, across) for text in FORMULAS for down in (-2, 0, 3) for across in (-1, 0, 700, 16383)]
    shown = page.run("return arguments[0].map((each) => moveFormula(...each))", cases)
    assert shown == [move(*case) for case in cases]


def test_looks_of_a_sheet_are_shown(page: Page) -> None:
    cells = Cells.of({(0, 0): "a title that is longer than its cell", (1, 0): 0.125, (1, 1): 1234.5, (3, 0): "under"})
    layout = Layout(
        formats=((Area.of("S", 1, 0), "0.0%"), (Area.of("S", 1, 1), "#,##0.00")),
        widths=((0, 20.0), (1, 4.0)), merged=(Area.of("S", 3, 0, 2, 3),),
    )  # fmt: skip
    book = Book((Sheet("S", cells, (Fill(Area.of("S", 6, 0, 2, 1), "A2*2"),), layout=layout),), title="looks")
    page.open(book_to_html(Subject(book, Map(()), Values({"S": cells}))))
    assert page.one("#cell-0-1-0").text == "12.5%"
    assert page.one("#cell-0-1-0").rect["width"] == 145
    assert page.one("#cell-0-1-1").text == "###"
    merged = page.one("#cell-0-3-0").rect
    assert (merged["width"], merged["height"]) == (145 + 33 + 64, 47)
    page.run("globalThis.xlparity.page.go(globalThis.xlparity.page.book.sheets[0], 4, 1)")
    assert page.active.startswith("A4, under")


def test_the_network_is_drawn_and_a_passing_report_has_no_list(page: Page, passing: xlparity.Report) -> None:
    page.open(passing.to_html())
    assert "w13" in page.one("section.network svg").text
    assert page.all("#faults, #next-wrong") == []
    assert page.one(".headline").text == "Parity"


def test_an_anchor_that_is_not_well_formed_names_nothing(page: Page, broken: xlparity.Report) -> None:
    page.open(broken.to_html(), "#%E0%A4%A")
    assert page.active == "D6, 38.1236, wrong"


def test_of_a_large_workbook_a_notebook_shows_the_summary_alone(
    monkeypatch: pytest.MonkeyPatch, broken: xlparity.Report
) -> None:
    monkeypatch.setattr("xlparity.api._MOST_CELLS_IN_A_NOTEBOOK", 30)
    snippet = broken._repr_html_()
    assert "NO PARITY" in snippet
    assert "application/json" not in snippet


def test_of_very_many_cells_the_first_have_reasons_and_all_have_numbers(
    monkeypatch: pytest.MonkeyPatch, page: Page, broken: xlparity.Report
) -> None:
    monkeypatch.setattr("xlparity.report.html.judged.MOST_FINDINGS", 1)
    page.open(broken.to_html(), "#MSE!D7")
    assert "one of so many cells" in page.inspector
    assert "Torch\n117.08642904393501" in page.inspector


def test_a_solution_in_torchs_place_is_called_so(page: Page, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(tmp_path / "student.xlsx")
    page.open(xlparity.check(tmp_path / "student.xlsx", against=ROOT / "workbooks" / "mse.xlsx").to_html(), "#MSE!D6")
    assert "Solution\n351.259287131805" in page.inspector
    assert "Torch" not in page.one("#faults").text


def test_a_report_without_its_workbook_cannot_be_a_page(broken: xlparity.Report) -> None:
    with pytest.raises(ValueError, match="does not carry the workbook"):
        replace(broken, subject=None).to_html()


def test_a_notebook_shows_the_page_in_a_frame_that_can_reach_nothing(page: Page, broken: xlparity.Report) -> None:
    snippet = broken._repr_html_()
    assert snippet.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in snippet
    (page.folder / "notebook.html").write_text(f"<!doctype html><html lang=en><title>n</title>{snippet}", "utf-8")
    page.browser.get((page.folder / "notebook.html").as_uri())
    page.browser.switch_to.frame(0)
    try:
        page.browser.implicitly_wait(10)
        assert page.one("#inspector .address").text == "D6"
    finally:
        page.browser.implicitly_wait(0)
        page.browser.switch_to.default_content()
