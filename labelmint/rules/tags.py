"""Tags: what a row has that somebody may not want. They reject nothing unless `filter.reject_tags` says so.

Small patterns and a short list of words, incomplete on purpose: they find what looks like an address or a
number, not whether it belongs to anybody, and the coarsest words of English alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from labelmint.core.params import TAGS
from labelmint.core.records import Input, texts_of

_EMAIL = re.compile(r"[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b", re.I)
# A bare name of a site, but not a mail's.
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"]+|(?<![\w@.-])[a-z0-9-]+\.(?:com|org|net|io|co\.uk|de|fr)\b", re.I
)
# Not a mail's second half, nor a mark for an editor ("@ 5 pm").
_HANDLE = re.compile(r"(?<![\w@.])@[A-Za-z_]\w+")
# Groups of digits, the first maybe in brackets; a year's span ("1999-2003") and a score have fewer digits.
_PHONE = re.compile(
    r"(?<![\w.,$£€-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?)?\d{2,4}(?:[ .-]\d{2,4}){1,4}(?![\w,-])"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_PHONE_DIGITS = (9, 15)
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
# Swear words, slurs and threats, as whole words with their usual endings.
_TOXIC = re.compile(
    r"\b(?:(?:mother)?f+u+c+k\w*|bull ?shit\w*|shit(?:s|ty|ting|head\w*)?|bitch(?:es|y)?|bastards?|cunts?|"
    r"ass ?holes?|dick ?heads?|twats?|wankers?|whores?|sluts?|fag(?:s|gots?)?|dykes?|tranny|trannies|"
    r"nigg(?:er|a)s?|chinks?|spics?|kikes?|pakis?|gooks?|wetbacks?|retard(?:s|ed)?|"
    r"kill (?:yourself|urself)|kys|go die|hope (?:you|u) die)\b",
    re.I,
)


def tags_of(row: Input) -> list[str]:
    """Return the tags of a row's texts, in the order of `TAGS`."""
    return [tag for tag in TAGS if any(map(_FINDERS[tag], texts_of(row)))]


def found(tag: str, row: Input) -> str:
    """Return what gives the row this tag."""
    return next(match for text in texts_of(row) if (match := _FINDERS[tag](text)))


def _first(pattern: re.Pattern[str], real: Callable[[str], bool] = bool) -> Callable[[str], str]:
    return lambda text: next((match[0] for match in pattern.finditer(text) if real(match[0])), "")


def _is_phone(match: str) -> bool:
    digits = len(_digits(match))
    if _THOUSANDS.fullmatch(match):
        return False
    return _PHONE_DIGITS[0] <= digits <= _PHONE_DIGITS[1] and not _is_card(match) and not _is_ip(match)


def _is_ip(match: str) -> bool:
    try:
        ipaddress.IPv4Address(match)
    except ValueError:
        return False
    return True


def _is_card(match: str) -> bool:
    """Return whether the digits add up as a card's do (Luhn's check)."""
    digits = _digits(match)
    doubled = [digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(digits[::-1])]
    return 13 <= len(digits) <= 19 and any(digits) and sum(doubled) % 10 == 0


def _digits(match: str) -> Sequence[int]:
    return [int(char) for char in match if char.isdigit()]


_FINDERS: dict[str, Callable[[str], str]] = {
    "email": _first(_EMAIL),
    "phone": _first(_PHONE, _is_phone),
    "url": _first(_URL),
    "handle": _first(_HANDLE),
    "ip_address": _first(_IP, _is_ip),
    "card_number": _first(_CARD, _is_card),
    "toxic": _first(_TOXIC),
}
