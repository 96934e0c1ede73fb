"""What is being done, on a terminal."""

from __future__ import annotations

import io

import pytest

from xlparity.report.progress import Progress


def shown(steps: list[tuple[float, str]]) -> list[str]:
    """The lines that the messages, each at its second, leave on the terminal."""
    stream, now = io.StringIO(), [0.0]
    with Progress("book.xlsx", stream, lambda: now[0]) as progress:
        for second, message in steps:
            now[0] = second
            progress(message)
    *lines, last = [line for line in stream.getvalue().split("\r") if line]
    assert last == "\x1b[K", "nothing is left"
    assert all(line.startswith("\x1b[Kbook.xlsx: ") for line in lines)
    return [line.removeprefix("\x1b[Kbook.xlsx: ") for line in lines]


def test_each_message_stands_over_the_one_before_and_the_last_is_removed() -> None:
    assert shown([(0, "reading"), (1, "evaluating")]) == ["reading", "evaluating"]


def test_steps_that_are_counted_show_the_time_left_at_their_pace() -> None:
    assert shown([(0, "sample 1 of 61"), (1, "sample 3 of 61"), (10, "sample 11 of 61"), (60, "sample 61 of 61")]) == [
        "sample 1 of 61", "sample 3 of 61", "sample 11 of 61, 50 s left", "sample 61 of 61, 0 s left",
    ]  # fmt: skip


@pytest.mark.parametrize(("total", "left"), [(11, "0 s"), (131, "2 min 0 s"), (7_211, "2 h 0 min")])
def test_long_times_are_told_in_minutes_and_hours(total: int, left: str) -> None:
    assert shown([(0, f"sample 1 of {total:,}"), (10, f"sample 11 of {total:,}")])[-1].endswith(f", {left} left")


def test_steps_of_another_kind_are_timed_anew() -> None:
    assert shown([(0, "sample 1 of 9"), (8, "sample 9 of 9"), (9, "repair 1 of 9"), (9.5, "repair 2 of 9")])[2:] == [
        "repair 1 of 9", "repair 2 of 9",
    ]  # fmt: skip


def test_a_terminal_is_not_flooded() -> None:
    assert len(shown([(step / 1000, f"sample {step} of 1000") for step in range(1000)])) < 12


def test_a_workbooks_name_cannot_send_escape_sequences() -> None:
    stream = io.StringIO()
    Progress("a\x1b[31m.xlsx", stream)("b\x1b[2J")
    assert stream.getvalue() == "\r\x1b[Ka\ufffd[31m.xlsx: b\ufffd[2J\r"
