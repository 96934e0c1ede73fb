"""Runs inside the Python that has LibreOffice's `uno`: loads workbooks, recalculates them, hands out values.

This file imports nothing of xlparity, because that Python need not have it. It starts the office as its child, both in
the process group that xlparity ends. Requests come as lines of JSON on standard input; each answer is a line of JSON
followed by the bytes it announces. When standard input ends, so does the office.
"""

import array
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any

import uno  # type: ignore[import-not-found,unused-ignore]
from com.sun.star.beans import PropertyValue  # type: ignore[import-not-found]
from com.sun.star.document.MacroExecMode import NEVER_EXECUTE  # type: ignore[import-not-found]
from com.sun.star.document.UpdateDocMode import NO_UPDATE  # type: ignore[import-not-found]

NUMBER, TEXT, BOOLEAN, ERROR = 1, 2, 3, 4
LOGICAL = 1024  # com.sun.star.util.NumberFormat.LOGICAL
CHUNK = 100_000  # cells fetched in one call: each becomes a Python object for a moment
DETAILS = 1_000  # cells asked one by one, a millisecond each, for their error code or whether they are booleans


class Office:
    """The office process and its desktop."""

    def __init__(self, soffice: str, profile: str, pipe: str) -> None:
        self.document: Any = None
        self.process = subprocess.Popen(
            [
                soffice,
                "--headless",
                "--invisible",
                "--nologo",
                "--norestore",
                "--nodefault",
                "--nolockcheck",
                "--nofirststartwizard",
                "-env:UserInstallation=" + uno.systemPathToFileUrl(profile),
                f"--accept=pipe,name={pipe};urp",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        while True:
            try:
                context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
                break
            except Exception as error:
                if self.process.poll() not in (None, 0, 81):  # 81: it starts itself anew with a new profile
                    raise RuntimeError(f"soffice ended with code {self.process.returncode}") from error
                time.sleep(0.05)
        manager = context.ServiceManager
        self.desktop = manager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        provider = manager.createInstanceWithContext("com.sun.star.configuration.ConfigurationProvider", context)
        node = PropertyValue("nodepath", 0, "/org.openoffice.Setup/Product", 0)
        product = provider.createInstanceWithArguments("com.sun.star.configuration.ConfigurationAccess", (node,))
        self.version = product.getByName("ooSetupVersionAboutBox")

    def load(self, path: str) -> Any:
        options = {
            "Hidden": True,
            "ReadOnly": True,
            "MacroExecutionMode": NEVER_EXECUTE,
            "UpdateDocMode": NO_UPDATE,
            "FilterName": "Calc MS Excel 2007 XML",
        }
        properties = tuple(PropertyValue(name, 0, value, 0) for name, value in options.items())
        document = self.desktop.loadComponentFromURL(uno.systemPathToFileUrl(path), "_blank", 0, properties)
        if document is None or not hasattr(document, "calculateAll"):
            raise RuntimeError("LibreOffice cannot open the file as a workbook")
        return document

    def forget(self) -> None:
        """Close the open workbook."""
        document, self.document = self.document, None
        if document is not None:
            document.close(True)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # the connection breaks while it goes down
            self.desktop.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


def evaluate(office: Office, request: Any) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The values of the areas asked for: a header, kinds (uint8), numbers (float64), texts in JSON.

    The workbook stays open for the question about booleans, which follows.
    """
    office.document = office.load(request["path"])
    office.document.calculateAll()
    kinds, numbers = bytearray(), array.array("d")
    texts: dict[str, int] = {}
    details = DETAILS
    for name, areas in request["sheets"]:
        sheet = office.document.Sheets.getByName(name)
        for area in areas:
            start = len(kinds)
            read_area(sheet, area, kinds, numbers, texts)
            top, left, _, width = area
            at = kinds.find(ERROR, start)
            while at >= 0 and details:
                row, column = divmod(at - start, width)
                numbers[at] = sheet.getCellByPosition(left + column, top + row).getError()
                details -= 1
                at = kinds.find(ERROR, at + 1)
    table = json.dumps(list(texts)).encode()
    return {"cells": len(kinds), "texts": len(table)}, (bytes(kinds), numbers.tobytes(), table)


def booleans(office: Office, places: Any) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Which of the cells of the open workbook are shown as TRUE or FALSE; closes it."""
    known: dict[int, bool] = {}
    answers = []
    for name, row, column in places:
        key = office.document.Sheets.getByName(name).getCellByPosition(column, row).NumberFormat
        if key not in known:
            known[key] = bool(office.document.NumberFormats.getByKey(key).Type & LOGICAL)
        answers.append(known[key])
    office.forget()
    return {"booleans": answers}, ()


def read_area(sheet: Any, area: Any, kinds: bytearray, numbers: "array.array[float]", texts: dict[str, int]) -> None:
    top, left, height, width = area
    step = max(1, CHUNK // width)
    for row in range(top, top + height, step):
        last = min(row + step, top + height) - 1
        data = sheet.getCellRangeByPosition(left, row, left + width - 1, last).getDataArray()
        for line in data:
            for value in line:
                if value is None:  # an error
                    kinds.append(ERROR)
                    numbers.append(0.0)
                elif isinstance(value, str):
                    kinds.append(TEXT)
                    numbers.append(texts.setdefault(value, len(texts)))
                else:
                    kinds.append(NUMBER)
                    numbers.append(value)


def answer(header: dict[str, Any], parts: tuple[bytes, ...] = ()) -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode() + b"\n")
    for part in parts:
        out.write(part)
    out.flush()


def main() -> None:
    soffice, profile, pipe = sys.argv[1:4]
    office = Office(soffice, profile, pipe)
    try:
        answer({"version": office.version})
        for line in sys.stdin.buffer:
            try:
                request = json.loads(line)
                if "path" in request:
                    answer(*evaluate(office, request))
                else:
                    answer(*booleans(office, request["booleans"]))
            except Exception as error:
                office.forget()
                answer({"error": (getattr(error, "Message", "") or str(error) or type(error).__name__).strip()})
    finally:
        office.close()
        # xlparity does this too, unless it was killed.
        shutil.rmtree(os.path.dirname(profile), ignore_errors=True)  # noqa: PTH120  (as little as possible is imported)


if __name__ == "__main__":
    main()
    os._exit(0)  # uno's threads would hold the interpreter
