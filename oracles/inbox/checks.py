"""What people and programs may put into the inbox."""

from __future__ import annotations

import math
import unicodedata

SKIP = -2
LONGEST = 64  # characters of a name or a request
LONGEST_NOTE = 2000
LARGEST_ROW = 2**62  # SQLite's integers end at 2**63
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, signs that turn text around, halves of a pair, …


class Refused(ValueError):
    """An answer, undo or revision that cannot be taken; the message says why and what to do instead."""


def name(text: object, what: str) -> str:
    """The text, if it can stand in a log, a table and a terminal. raises: Refused."""
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST or text != text.strip():
        raise Refused(f"the {what} is {text!r:.80}; it is a text of 1…{LONGEST} characters, without blanks around it.")
    if any(unicodedata.category(sign) in UNPRINTABLE for sign in text):
        raise Refused(f"the {what} {text!a:.80} holds signs that cannot be printed.")
    return text


def note(text: object, what: str) -> str:
    """Free text, of several lines if need be. raises: Refused."""
    if not isinstance(text, str) or len(text) > LONGEST_NOTE:
        raise Refused(f"the {what} is {text!r:.80}; it is a text of at most {LONGEST_NOTE} characters.")
    if any(unicodedata.category(sign) in UNPRINTABLE and sign not in "\n\t" for sign in text):
        raise Refused(f"the {what} {text!a:.80} holds signs that cannot be printed.")
    return text.strip()


def whole(number: object, what: str) -> int:
    """raises: Refused for what is no whole number, or beyond what the file can hold."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise Refused(f"the {what} is {number!r:.80}; it is a whole number.")
    if not -LARGEST_ROW < number < LARGEST_ROW:
        raise Refused(f"the {what} is a number of {number.bit_length()} bits; no such number can be meant.")
    return number


def row(number: object) -> int:
    given = whole(number, "row")
    if given < 0:
        raise Refused(f"the row is {number}; rows are 0 or more.")
    return given


def label(number: object, classes: int, *, or_skip: bool = False) -> int:
    """A class id, or -2 where a row may be skipped. raises: Refused."""
    given = whole(number, "label")
    if not 0 <= given < classes and not (or_skip and given == SKIP):
        raise Refused(f"the label is {given}; allowed are 0…{classes - 1}{', or -2 to skip' * or_skip}.")
    return given


def amount(number: object, what: str) -> float | None:
    """Seconds or cost; None where nobody knows. raises: Refused."""
    if number is None:
        return None
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not 0 <= number < LARGEST_ROW or not math.isfinite(number):  # type: ignore[operator, arg-type]
        raise Refused(f"the {what} is {number!r:.80}; it is a finite number, 0 or more.")
    return float(number)  # type: ignore[arg-type]
