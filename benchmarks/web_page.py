"""What a report as a web page weighs and how fast it is in a browser: docs/benchmarks/html.md.

    python benchmarks/web_page.py [--output FILE] [--pictures]

Three workbooks: the lecture's hidden layers, a generated classifier of some hundred thousand cells, and a nanoGPT of
85 thousand parameters with a step of Adam. Each is checked, and its page opened in a headless Chromium with an empty
profile. The first view is there when the sheets are drawn and the first cell is chosen. Scrolling goes two hundred
frames down and sideways; its cost is the processor time of the process that draws the page. With --pictures it takes
the screenshots of docs/images instead.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

TABLE = ROOT / "docs" / "benchmarks" / "html.md"
SCROLL = """
const done = arguments[0], grid = document.getElementById("grid");
let steps = 0, most = 0;
function step() {
  if (steps % 20 === 0) most = Math.max(most, document.querySelectorAll("*").length);
  grid.scrollTop += 120;
  if (steps % 10 === 0) grid.scrollLeft += 60;
  if (++steps < 200) requestAnimationFrame(step);
  else done(most);
}
requestAnimationFrame(step);
"""
LARGEST = """
const {page} = globalThis.xlparity;
page.go(page.book.sheets.reduce((one, other) => other.row.length > one.row.length ? other : one), 0, 0);
return page.book.sheets.reduce((sum, sheet) => sum + sheet.row.length, 0);
"""
CHOOSE = """
const done = arguments[0], {grid} = globalThis.xlparity.page;
grid.element.scrollTo(0, 0);
let steps = 0;
function step() {
  grid.select(20 + steps % 20, 3 + steps % 5);
  if (++steps < 100) requestAnimationFrame(step);
  else done();
}
requestAnimationFrame(step);
"""


def renderer_seconds(browser: Any) -> float:
    """The processor time so far of the browser's processes that draw pages."""
    ticks = 0
    todo = [browser.service.process.pid]
    while todo:
        folder = Path("/proc") / str(todo.pop())
        try:
            for task in (folder / "task").iterdir():
                todo += map(int, (task / "children").read_text().split())
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                ticks += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:13]))
        except OSError:  # a process that has ended
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def workbooks(folder: Path) -> dict[str, Path]:
    import torch
    from torch import nn

    import xlparity
    from benchmarks.models import model

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    made = xlparity.generate(
        net,
        torch.randn(64, 64),
        torch.randint(0, 10, (64,)),
        nn.CrossEntropyLoss(),
        torch.optim.SGD(net.parameters(), 0.1),
    )
    gpt, x, y, loss, optimizer, steps = model("nanogpt")
    return {
        "the lecture's hidden layers": ROOT / "workbooks" / "hidden_layers.xlsx",
        "a classifier, 64-128-10, 64 samples": made.save(folder / "classifier.xlsx"),
        "nanoGPT, 86,928 parameters": xlparity.generate(gpt, x, y, loss, optimizer, steps).save(folder / "gpt.xlsx"),
    }


def measured(path: Path, browser: Any, folder: Path) -> list[str]:
    import xlparity

    report = xlparity.check(path)
    start = time.perf_counter()
    html = report.to_html()
    made = time.perf_counter() - start
    page = folder / f"{path.stem}.html"
    page.write_text(html, encoding="utf-8")
    browser.get("about:blank")
    browser.get(page.as_uri())
    while not browser.execute_script("return globalThis.xlparity && document.documentElement.dataset.ready"):
        time.sleep(0.01)
    ready = browser.execute_script("return performance.getEntriesByName('first view')[0].startTime")
    paint = browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    cells = browser.execute_script(LARGEST)
    before = renderer_seconds(browser)
    nodes = browser.execute_async_script(SCROLL)
    scrolled = (renderer_seconds(browser) - before) / 200
    before = renderer_seconds(browser)
    browser.execute_async_script(CHOOSE)
    chosen = (renderer_seconds(browser) - before) / 100
    return [
        f"{cells:,}", f"{sum(report.counts.values()):,}", f"{made:.1f} s", f"{len(html) / 1e6:.2f}",
        f"{len(gzip.compress(html.encode())) / 1e6:.2f}", f"{paint / 1000:.1f} s", f"{ready / 1000:.1f} s",
        f"{1000 * scrolled:.0f} ms", f"{1000 * chosen:.0f} ms", f"{nodes:,}",
    ]  # fmt: skip


def take_pictures(browser: Any, folder: Path) -> None:
    """The summary and the sheets of mse.xlsx with one wrong formula."""
    import base64

    import openpyxl

    import xlparity

    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(folder / "mse_broken.xlsx")
    page = folder / "report.html"
    page.write_text(xlparity.check(folder / "mse_broken.xlsx").to_html(), encoding="utf-8")
    size = {"width": 1200, "height": 560, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    time.sleep(2)
    for name, first, last in (("report_summary", "body", "#faults"), ("report", "#sheets", "#sheets")):
        top, bottom = browser.execute_script(
            "return [document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY,"
            "document.querySelector(arguments[1]).getBoundingClientRect().bottom + scrollY]", first, last,
        )  # fmt: skip
        clip = {"x": 0, "y": max(top - 12, 0), "width": 1200, "height": bottom - max(top - 12, 0) + 12, "scale": 1}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        (ROOT / "docs" / "images" / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=TABLE)
    parser.add_argument("--pictures", action="store_true", help="take the screenshots of docs/images instead")
    arguments = parser.parse_args()
    from tests.browser.page import started

    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "profile").mkdir()
        browser = started(folder / "profile")
        if browser is None:
            sys.exit("this needs Chromium and chromedriver")
        if arguments.pictures:
            take_pictures(browser, folder)
            browser.quit()
            return
        browser.set_script_timeout(120)
        books = workbooks(folder)
        version = browser.capabilities["browserVersion"]
        for kind, path in books.items():
            lines.append(f"| {kind} | {' | '.join(measured(path, browser, folder))} |")
            print(lines[-1], flush=True)
        browser.quit()
    load = f"{os.getloadavg()[2]:.0f}"  # of the last quarter of an hour
    text = f"""# Reports as web pages

Made by `python benchmarks/web_page.py` with Chromium {version}, two cores, no graphics card; not edited by hand. *Cells*
are those that hold something or are mapped, *judged* those with a verdict. *Made in* is `Report.to_html()` without the check.
*Summary* is when the first text is painted, *first view* when the sheets are drawn too, both from the start of loading the file.
*Frame* is the page's processor time for each frame of scrolling 7,200 pixels a second through the largest sheet (below 16.7 ms
are 60 frames a second on one core), *choose* that for going to another cell, with outlines and the facts beside. *Elements* are those in the
document at most, the summary's among them (a network of hundreds of tensors has a long table). That table is contained, so that it is
not laid out and painted with the sheets: measured in turn, nanoGPT's frames took 24.5 ms with it and 38 without. Meanwhile the machine
had {load} runnable processes on its two cores.

| workbook | cells | judged | made in | MB | packed, MB | summary | first view | frame | choose | elements |
|---|---|---|---|---|---|---|---|---|---|---|
"""
    arguments.output.write_text(text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
