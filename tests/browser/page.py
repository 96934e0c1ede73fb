"""The page as a person has it in front: what stands there, keys, clicks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["Page", "started"]

QUIET = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update "
    "disable-sync"
).split()


def started(profile: Path) -> webdriver.Chrome | None:
    """A new headless browser with the empty folder `profile` for its own; None where Chromium is missing."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*QUIET, f"user-data-dir={profile}", "window-size=1280,900"):
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


class Page:
    """A report in the browser."""

    def __init__(self, browser: webdriver.Chrome, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def open(self, html: str, anchor: str = "") -> None:
        """Show the page, once its sheets are drawn."""
        path = self.folder / "report.html"
        path.write_text(html, encoding="utf-8")
        self.browser.get("about:blank")
        self.browser.get(path.as_uri() + anchor)
        WebDriverWait(self.browser, 20).until(lambda _: self.run("return document.documentElement.dataset.ready"))
        # The first frames may still change the grid's size, which makes its cells anew.
        self.browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self.browser.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        (found,) = self.all(selector)
        return found

    def keys(self, *keys: str, holding: str | None = None) -> None:
        """Type on whatever has the focus."""
        chain = ActionChains(self.browser, duration=0)
        if holding:
            chain.key_down(holding)
        for key in keys:
            chain.send_keys(key)
        if holding:
            chain.key_up(holding)
        chain.perform()

    def tab(self) -> None:
        self.keys(Keys.TAB)

    @property
    def active(self) -> str:
        """The label of the grid's chosen cell, as a screen reader says it."""
        return str(
            self.run(
                "const id = document.getElementById('grid').getAttribute('aria-activedescendant');"
                "return document.getElementById(id).getAttribute('aria-label');"
            )
        )

    @property
    def inspector(self) -> str:
        return self.one("#inspector").text

    def wide(self, width: int, height: int) -> None:
        """A window of this size; narrow ones are a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, scheme: str) -> None:
        """What the system says of light and dark."""
        feature = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})

    def reset(self) -> None:
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def complaints(self) -> list[str]:
        """Errors in the browser's console, refused requests among them."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
