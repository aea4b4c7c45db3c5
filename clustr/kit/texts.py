"""What a text may hold that people will read: nothing invisible that misleads, and no card number."""

from __future__ import annotations

import re
import unicodedata
from typing import LiteralString, NamedTuple


class Problem(NamedTuple):
    """Why a text is refused."""

    code: LiteralString
    message: LiteralString


_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""Characters that turn the direction of what follows: with them a text reads as another than it is."""

LINES = _CONTROLS + _DIRECTIONS
"""What no text of several lines holds, for a character class of a regular expression; LINE: none of one line."""
LINE = r"\x00-\x1f\x7f-\x9f\u2028\u2029" + _DIRECTIONS

_NOT_IN_LINES = re.compile(f"[{LINES}\ud800-\udfff]")
_NOT_IN_LINE = re.compile(f"[{LINE}\ud800-\udfff]")
_CARD = re.compile(
    r"(?<![0-9])(?:"
    r"4(?:[ -]?[0-9]){12}(?:(?:[ -]?[0-9]){3}(?:(?:[ -]?[0-9]){3})?)?"  # Visa: 13, 16 or 19 digits
    r"|(?:5[1-5]|2[2-7]|35|60|62|6[45])(?:[ -]?[0-9]){14}"  # Mastercard, JCB, Discover, UnionPay
    r"|3[47](?:[ -]?[0-9]){13}|3[068](?:[ -]?[0-9]){12}"  # American Express, Diners Club
    r"|(?:506[01]|650)(?:[ -]?[0-9]){15,16}"  # Verve
    r")(?![0-9])",
    re.ASCII,
)
_UNREADABLE = Problem("unreadable_text", "The text holds a character that cannot be shown.")
_SAYS_NOTHING = Problem("says_nothing", "The text holds nothing that can be seen.")
CARD_NUMBER = Problem("card_number", "This looks like the number of a payment card. Leave it out; we must not keep it.")


def problem_of(text: str, *, lines: bool) -> Problem | None:
    """What is wrong with a text, if anything. Letters of every script, marks and joiners stay as they are."""
    if (_NOT_IN_LINES if lines else _NOT_IN_LINE).search(text):
        return _UNREADABLE
    if text and not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        return _SAYS_NOTHING
    if holds_card_number(text):
        return CARD_NUMBER
    return None


def holds_card_number(text: str) -> bool:
    """Whether a card's number stands in it: the digits of one of the large schemes, and their check digit is right."""
    return any(_passes_luhn(found.group()) for found in _CARD.finditer(text))


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
