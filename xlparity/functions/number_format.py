"""TEXT: a value in one of Excel's number formats (English, United States).

Source: "Number format codes", "Review guidelines for customizing a number format". Formats that are not understood
(fractions, other calendars and languages) raise Unsupported.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne

from xlparity.functions.calendar import SHIFT1904, date_of_serial
from xlparity.functions.signature import Unsupported
from xlparity.functions.text_of_number import digits15, general11
from xlparity.model.value import Error

__all__ = ["formatted"]

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?)|(?P<escaped>\\.)|(?P<space>_.)|(?P<fill>\*.)|(?P<bracket>\[[^\]]*\])
    |(?P<general>General)|(?P<ampm>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+)
    |(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<text>@)|(?P<slash>/)|(?P<plain>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
PLAIN = set("$-+(): !^&'~{}<>= \n")
CONDITION = re.compile(r"\[(<=|>=|<>|=|<|>)(-?[\d.]+(?:E[+-]?\d+)?)\]", re.IGNORECASE)
COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq, "<>": ne}
COLOUR = re.compile(r"\[(black|blue|cyan|green|magenta|red|white|yellow|color *\d+)\]", re.IGNORECASE)
CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")


@dataclass(frozen=True, slots=True)
class Token:
    """One sign of a format: its kind (a group of TOKEN, `literal`, `elapsed` or `minute`) and its text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a format: its tokens and the condition in brackets, if any."""

    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)


class _Bad(Exception):
    """The format is one that Excel refuses: #VALUE!."""


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[Section, ...]:
    sections: list[Section] = []
    tokens: list[Token] = []
    condition: tuple[str, float] | None = None
    for found in TOKEN.finditer(code):
        kind, text = str(found.lastgroup), found[0]
        if kind == "plain" and text == ";":
            sections.append(Section(_minutes(tokens), condition))
            tokens, condition = [], None
        elif kind == "bracket":
            if limit := CONDITION.fullmatch(text):
                condition = (limit[1], float(limit[2]))
            elif currency := CURRENCY.fullmatch(text):
                tokens.append(Token("literal", currency[1]))
            elif text[1:-1].lower().strip("hms") == "" and len(set(text[1:-1].lower())) == 1:
                tokens.append(Token("elapsed", text[1:-1].lower()))
            elif not COLOUR.fullmatch(text):
                raise Unsupported(f"TEXT: the number format {code!r} is not understood at {text!r}")
        elif kind == "plain" and text not in PLAIN and text.isascii():
            raise Unsupported(f"TEXT: the number format {code!r} is not understood at {text!r}")
        else:
            literal = {"quoted": text.strip('"'), "escaped": text[1:], "space": " ", "fill": "", "plain": text}
            tokens.append(Token("literal", literal[kind]) if kind in literal else Token(kind, text))
    sections.append(Section(_minutes(tokens), condition))
    return tuple(sections)


def _minutes(tokens: list[Token]) -> tuple[Token, ...]:
    """The tokens, with `m` after hours or before seconds as minutes."""
    clock = [at for at, token in enumerate(tokens) if token.kind in {"date", "elapsed"}]
    made = list(tokens)
    for place, at in enumerate(clock):
        token = tokens[at]
        if token.kind != "date" or token.text[0].lower() != "m" or len(token.text) > 2:
            continue
        before = tokens[clock[place - 1]].text[0].lower() if place else ""
        after = tokens[clock[place + 1]].text[0].lower() if place + 1 < len(clock) else ""
        if before == "h" or after == "s":
            made[at] = Token("minute", token.text)
    return tuple(made)


def formatted(value: float | str | bool | None, code: str, *, date1904: bool = False) -> str | Error:
    """`value` in the number format `code`."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    with localcontext(Context(prec=400)), suppress(_Bad):
        sections = _sections(code)
        if isinstance(value, str):
            return _text(value, sections)
        number = 0.0 if value is None else value
        section, signed = _section(number, sections)
        if section.has("date", "elapsed", "minute", "ampm"):
            return _date(number, section, date1904)
        return _number(number, section, signed)
    return Error.VALUE


def _text(value: str, sections: tuple[Section, ...]) -> str:
    section = sections[3] if len(sections) > 3 else sections[-1]
    if not section.has("text"):
        return "".join(token.text for token in section.tokens) if len(sections) > 3 else value
    return "".join(value if token.kind == "text" else token.text for token in section.tokens)


def _section(number: float, sections: tuple[Section, ...]) -> tuple[Section, bool]:
    """The section for a number, and whether it prints a minus sign itself where it is negative."""
    numeric = sections[:3]
    if any(section.condition for section in numeric):
        return _conditional(number, numeric)
    if len(numeric) == 1 or number > 0 or (number == 0 and len(numeric) == 2):
        return numeric[0], number < 0
    return (numeric[1], False) if number < 0 else (numeric[2], False)


def _conditional(number: float, numeric: tuple[Section, ...]) -> tuple[Section, bool]:
    """The same where sections have conditions. Nobody documents the signs; other programs agree on those given here."""
    *conditional, last = numeric if len(numeric) > 1 else (*numeric, Section((Token("general", "General"),), None))
    for section in numeric:
        if section.condition is None and section is not last:
            raise Unsupported("TEXT: a number format with a condition only in a later section is not supported")
        if section.condition is not None and COMPARE[section.condition[0]](number, section.condition[1]):
            sign, limit = section.condition
            negative = (sign == "<" and limit <= 0) or (sign in {"<=", "="} and limit < 0)  # what it says already
            return section, number < 0 and not negative
    sign, limit = conditional[0].condition or ("", 0.0)
    if last.condition or (number < 0 and len(conditional) == 1 and (sign[0] == "<" or limit < 0)):
        raise Unsupported("TEXT: a number format without a section for the number, or for its sign, is not supported")
    return last, number < 0


def _number(number: float, section: Section, signed: bool) -> str:
    tokens = list(section.tokens)
    if section.has("slash") and section.has("digit"):
        raise Unsupported("TEXT: fractions (# ?/?) are not supported")
    if section.has("general"):
        body = general11(abs(number))
        made = "".join(body if token.kind == "general" else token.text for token in tokens)
        return ("-" if signed else "") + made
    if section.has("text") and not section.has("digit"):
        body = general11(abs(number))
        made = "".join(body if token.kind == "text" else token.text for token in tokens)
        return ("-" if signed else "") + made
    if not section.has("digit"):
        return ("-" if signed and tokens else "") + "".join(token.text for token in tokens)
    exponent_at = next((at for at, token in enumerate(tokens) if token.kind == "exponent"), len(tokens))
    point_at = next((at for at, token in enumerate(tokens) if token.kind == "point"), exponent_at)
    whole = [at for at, token in enumerate(tokens) if token.kind == "digit" and at < point_at]
    part = [at for at, token in enumerate(tokens) if token.kind == "digit" and point_at < at < exponent_at]
    power = [at for at, token in enumerate(tokens) if token.kind == "digit" and at > exponent_at]
    ends = [*whole[-1:], *part[-1:]]  # commas right after these scale by thousands
    grouped, thousands = False, 0
    for at, token in enumerate(tokens):
        if token.kind == "comma":
            if whole and whole[0] < at < whole[-1]:
                grouped = True
            elif any(at > end and all(one.kind == "comma" for one in tokens[end + 1 : at]) for end in ends):
                thousands += 1
            else:
                raise Unsupported("TEXT: a comma that neither separates nor follows digits is not supported")
    scaled = digits15(abs(number)) * Decimal(100) ** sum(token.kind == "percent" for token in tokens)
    scaled = scaled / Decimal(1000) ** thousands
    outputs: dict[int, str] = {}
    if exponent_at < len(tokens):
        if not power:
            raise Unsupported("TEXT: an exponent without digits is not supported")
        scaled, exponent = _mantissa(scaled, len(part), max(len(whole), 1))
        outputs = _power(tokens, power, exponent, exponent_at)
    digits = f"{scaled.quantize(Decimal(1).scaleb(-len(part)), ROUND_HALF_UP):f}"
    before, _, after = digits.partition(".")
    before = before.lstrip("0")
    outputs |= _whole(tokens, whole, before, grouped) | _part(tokens, part, after)
    if not whole and before:
        outputs[point_at] = before + "."
    shown = [outputs.get(at, token.text) for at, token in enumerate(tokens) if at in outputs or token.kind != "comma"]
    zero = not before and not after.strip("0")
    return ("-" if signed and not zero else "") + "".join(shown)


def _mantissa(value: Decimal, decimals: int, width: int) -> tuple[Decimal, int]:
    """The mantissa and the exponent, a multiple of `width` where several digits stand before the point."""
    if value == 0:
        return value, 0
    exponent = value.adjusted()
    exponent -= exponent % width if width > 1 else 0
    mantissa = value.scaleb(-exponent)
    if mantissa.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) >= Decimal(10) ** width:
        exponent += width
        mantissa = value.scaleb(-exponent)
    return mantissa, exponent


def _whole(tokens: list[Token], places: list[int], digits: str, grouped: bool) -> dict[int, str]:
    """What the digit signs before the point print."""
    outputs = {}
    for rank, at in enumerate(reversed(places)):
        empty = {"0": "0", "?": " ", "#": ""}[tokens[at].text]
        shown = digits[-1 - rank] if rank < len(digits) else empty
        if grouped and rank and rank % 3 == 0 and shown.strip():
            shown += ","
        outputs[at] = shown
        if at == places[0]:
            more = digits[: -1 - rank] if rank + 1 < len(digits) else ""
            for index, digit in enumerate(reversed(more)):
                place = rank + 1 + index
                outputs[at] = digit + ("," if grouped and place % 3 == 0 else "") + outputs[at]
    return outputs


def _part(tokens: list[Token], places: list[int], digits: str) -> dict[int, str]:
    """What the digit signs after the point print."""
    outputs: dict[int, str] = {}
    needed = False
    for rank in range(len(places) - 1, -1, -1):
        sign, digit = tokens[places[rank]].text, digits[rank]
        needed = needed or sign == "0" or digit != "0"
        outputs[places[rank]] = digit if needed else {"#": "", "?": " "}[sign]
    return outputs


def _power(tokens: list[Token], places: list[int], exponent: int, at: int) -> dict[int, str]:
    """What the exponent prints: `E+` always has a sign, `E-` only a minus."""
    sign = "-" if exponent < 0 else "+" if tokens[at].text.endswith("+") else ""
    digits = str(abs(exponent)).rjust(sum(tokens[place].text == "0" for place in places), "0")
    outputs = dict.fromkeys(places, "")
    outputs[at] = tokens[at].text[0] + sign
    outputs[places[0]] = digits
    return outputs


def _date(number: float, section: Section, date1904: bool) -> str:
    tokens = section.tokens
    if any(token.kind in {"exponent", "percent", "general", "text"} for token in tokens):
        raise _Bad
    digits = 0  # decimals of seconds
    for at, token in enumerate(tokens):
        if token.kind == "digit":
            run = [one.kind for one in tokens[:at]]
            if token.text != "0" or "point" not in run:
                raise _Bad
            if run[-1 - digits :] != ["point"] + ["digit"] * digits:
                raise Unsupported("TEXT: decimals of seconds in several places are not supported")
            digits += 1
    if number < 0:
        raise _Bad
    has_seconds = any(token.text[0].lower() == "s" for token in tokens if token.kind in {"date", "elapsed"})
    unit = 10**digits
    ticks = digits15(number) * 86400 * unit
    total = int(ticks.to_integral_value(ROUND_HALF_UP))
    if not has_seconds and (digits or total // 60 != (ticks + Decimal("0.0001")) // 60):
        raise Unsupported(
            "TEXT: how a time is rounded to decimals of minutes, or to a minute that begins in half a second"
        )
    seconds, fraction = divmod(total, unit)
    days, clock = divmod(seconds, 86400)
    found = date_of_serial(days + (SHIFT1904 if date1904 else 0))
    if isinstance(found, Error):
        raise _Bad
    year, month, day = found
    weekday = DAYS[(days + (SHIFT1904 if date1904 else 0) - 1) % 7]
    hour, minute, second = clock // 3600, clock // 60 % 60, clock % 60
    half = any(token.kind == "ampm" for token in tokens)
    made, used = [], 0
    for token in tokens:
        size, letter = len(token.text), token.text[:1].lower()
        if token.kind == "minute":
            made.append(f"{minute:0{min(size, 2)}d}")
        elif token.kind == "ampm":
            texts = ("AM", "PM") if size > 3 else (token.text[0], token.text[-1])  # a/p stays small
            made.append(texts[hour >= 12])
        elif token.kind == "elapsed":
            amount = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}[letter]
            made.append(f"{amount:0{size}d}")
        elif token.kind == "digit":
            made.append(f"{fraction:0{digits}d}"[used])
            used += 1
        elif token.kind == "date":
            shown_hour = (hour - 1) % 12 + 1 if half else hour
            made.append(
                {
                    "y": f"{year % 100:02d}" if size < 3 else f"{year:04d}",
                    "m": _named(MONTHS[month - 1], month, size),
                    "d": _named(weekday, day, size),
                    "h": f"{shown_hour:0{min(size, 2)}d}",
                    "s": f"{second:0{min(size, 2)}d}",
                }[letter]
            )
        else:
            made.append(token.text)
    return "".join(made)


def _named(name: str, value: int, size: int) -> str:
    """A month or a day: 1, 01, Jan, January, J; five letters of a day are its name."""
    if size <= 2:
        return f"{value:0{size}d}"
    if size == 3:
        return name[:3]
    return name[0] if size == 5 and name in MONTHS else name
