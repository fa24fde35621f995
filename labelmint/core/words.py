r"""What is a word, and which texts are the same: the one answer for all that counts, cuts and compares texts.

A word is what stands between spaces. In scripts without spaces each Chinese character, each kana, and each
letter of Thai, Lao, Khmer and Burmese is one, with its vowel signs; of Tibetan each syllable.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Unlike `re`, it knows scripts, and takes accents for parts of words.
import regex

# By their break at line ends (UAX 14), South East Asian scripts are those that a dictionary is needed for.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Yi}\p{LB=SA}"
# Accents and vowel signs; the kana's long mark and half-width marks; vowels after a Thai or Lao consonant.
_SIGNS = r"\p{M}\u30fc\uff70\uff9e\uff9f\u0e30-\u0e33\u0e45\u0eb0-\u0eb3"
# A Thai or Lao vowel before its consonant, a letter, letters stacked below it, signs.
UNIT = (
    rf"[\u0e40-\u0e44\u0ec0-\u0ec4]?[{_UNSPACED}](?:[\u1039\u17d2]\p{{LB=SA}}|[{_SIGNS}])*|[\u0f40-\u0fbc]+"
)
# With the fraction slash, which "½" is made of.
LETTER = rf"[\p{{L}}\p{{N}}\p{{M}}\u2044--{_UNSPACED}\u0f40-\u0fbc]"

_OPENING = r"\p{Ps}\p{Pi}"
_BETWEEN_SPACES = regex.compile(
    rf"(?V1)[^\p{{L}}\p{{N}}\s]*?(?:{UNIT})[^\p{{L}}\p{{N}}\s{_OPENING}]*|[\S--{_UNSPACED}\u0f40-\u0fbc]+"
)
_COMPARED = regex.compile(rf"(?V1){UNIT}|(?:{LETTER}|_)+")
_TOKEN = regex.compile(rf"{_COMPARED.pattern}|\S")
_HAS_UNITS = regex.compile(rf"[{_UNSPACED}\u0f40-\u0fbc]")
_RUN = regex.compile(r"\S+")

# Zero-width characters, soft hyphens, marks of direction, choices between emoji and text.
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_CONTROLS = regex.compile(r"\p{Cc}")
# What word processors make of quotation marks and hyphens.
_TYPOGRAPHIC = {"'": "‘’‚‛‹›′ʼ´", '"': "“”„‟«»″", "-": "‐‑‒–—―−"}
_PLAIN = str.maketrans({char: plain for plain, chars in _TYPOGRAPHIC.items() for char in chars})


def is_unspaced(text: str) -> bool:
    """Return whether a text has characters that are words."""
    return bool(_HAS_UNITS.search(text))


def spans(text: str) -> list[tuple[int, int]]:
    """Return where the text's words, as they are written, begin and end."""
    pattern = _BETWEEN_SPACES if is_unspaced(text) else _RUN
    return [match.span() for match in pattern.finditer(text)]


def count_words(text: str) -> int:
    """Return the number of words."""
    return len(spans(text)) if is_unspaced(text) else len(text.split())


def join(start: str, rest: str) -> str:
    """Join the beginning of a text and what follows: by a space, unless the script has none."""
    return f"{start}{rest}" if is_unspaced(start[-1:]) else f"{start} {rest}"


def words_of(text: str) -> list[str]:
    """Return a text's words in the form that `fold` gives them, without punctuation."""
    return list(_COMPARED.findall(fold(text)))


def mentions(text: str, phrase: str) -> bool:
    """Return whether a text has a phrase's words, next to each other and in their order."""
    return _between_spaces(phrase) in _between_spaces(text)


# The same phrases are looked for in many texts.
@lru_cache(maxsize=100_000)
def _between_spaces(text: str) -> str:
    return "".join(f" {word}" for word in words_of(text)) + " "


def tokens_of(text: str) -> list[str]:
    """Return a text's words and each other sign, as they are."""
    return list(_TOKEN.findall(text))


def fold(text: str) -> str:
    """Return the form in which texts are compared.

    Case, compatible characters (composed or not, full width …), the shape of quotation marks and dashes,
    white space and invisible characters make no difference.
    """
    text = _CONTROLS.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).casefold())
    return " ".join(text.casefold().split())
