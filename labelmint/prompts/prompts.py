"""Put a brief into words: a prompt for a base model, which continues a text, or for a chat model.

The label is drawn first and the model writes a text for it (Li et al. 2024 recommend to condition on labels
and not to parse them from the answer). `order: text_first` is the other way round, to compare.
"""

from __future__ import annotations

from collections.abc import Callable

from labelmint.core.records import Labelled
from labelmint.prompts.brief import Brief
from labelmint.tasks.cards import TaskCard, row_text

# One text is one line, in the demonstrations and in the answer; several fields end with an empty line.
STOP, FIELDS_STOP = "\n", "\n\n"

# Up to so many tokens a chat model is asked for one short sentence.
SHORT_TOKENS = 100

ChatTemplate = Callable[[str, str], str]

# A model that is shown nothing of the kind writes empty lines, markup and lists. Texts of other kinds show
# the form, each introduced as the task is: else it goes on about birthdays and surveys.
_EXAMPLES = (
    (
        "cards to colleagues on their birthday",
        "cheerful",
        "Cheerful birthday card: Happy birthday, Anna! May your coffee be strong and your day short.",
    ),
    (
        "answers to a telephone survey",
        "rude",
        "Rude answer: no i do not have five minutes , and next time don't call during dinner .",
    ),
    (
        "weather reports for sailors",
        "short",
        "Short weather report about the north: Light rain until noon, then dry with some wind from the west.",
    ),
)
_PAIRS_FORM = """Pairs of texts written to order:

Statement: The shop is closed on Sundays.
Reply (rude): so when exactly am i supposed to come , genius ?

Question: Is it going to rain?
Answer (polite): Yes, madam, but not before noon.

"""


def base_prompt(card: TaskCard, brief: Brief) -> str:
    """Show demonstrations, or texts of other kinds, as a list that the model goes on with."""
    head = header(card, brief.label, () if brief.given else brief.wishes)
    return f"{_frame(card, brief)}{head}{_beginning(card, brief)}"


def chat_prompt(card: TaskCard, brief: Brief, template: ChatTemplate, max_tokens: int) -> str:
    """Ask for one text; the answer's start is given, so that small models don't chat about it.

    It doesn't open a quotation, within which SmolLM2 writes titles; that it ends at once after a bare colon,
    three times out of four, is up to `Sampling.never_empty`. Where few tokens are allowed, a short text is
    asked for: else one in seven is cut off (without demonstrations one in four).
    """
    wish = "".join(f", {wish}" for wish in brief.wishes)
    what = f"{card.phrase(brief.label)} {card.text_name}"
    if card.pair_name:
        what = f"pair of {card.text_name} and {card.pair_name} ({card.phrase(brief.label)})"
        if brief.given:
            what = f"{card.pair_name} ({card.phrase(brief.label)}) for the {card.text_name} given"
    like = "in the same style" if brief.shown else f"as in {card.description}"
    again = " Don't repeat the ones above." if brief.shown else ""
    both = bool(card.pair_name) and not brief.given
    length = "in one short sentence" if max_tokens <= SHORT_TOKENS else "on one line"
    length = f"each {length}" if both else length
    request = f"{_frame(card, brief, chat=True)}Write one new {what}{wish}, {like}, {length}.{again}"
    head = header(card, brief.label, () if brief.given else brief.wishes)
    return template(request, f"{head}{_beginning(card, brief)}")


def text_first_prompt(card: TaskCard, brief: Brief, template: ChatTemplate | None) -> str:
    """Show rows with their labels after them; the model writes a text and then its label."""
    name = f"{capital(card.text_name)}:"
    own = f"{name} {brief.given}\n{capital(str(card.pair_name))}:" if brief.given else name
    rows = "".join(
        f"{name} {row_text(card, row)}\n{card.question}: {card.phrase(row['label'])}\n\n"
        for row in brief.shown
    )
    frame = f"Here are some {card.description}.\n\n{rows}"
    if template:
        return template(f"{frame}Write one more, in the same form.", own)
    return frame + own


def header(card: TaskCard, label: str, wishes: tuple[str, ...] = ()) -> str:
    """Return what stands before a text, e.g. "Negative film review about the acting:".

    Of a pair it stands before the first text and doesn't say the label: that belongs to both.
    """
    own = card.text_name if card.pair_name else f"{card.phrase(label)} {card.text_name}"
    return capital(f"{own} {', '.join(wishes)}:" if wishes else f"{own}:")


def pair_header(card: TaskCard, label: str, wishes: tuple[str, ...] = ()) -> str:
    """Return what stands before a pair's second text, e.g. "Hypothesis (follows from the premise):"."""
    name = capital(" ".join([str(card.pair_name), *([", ".join(wishes)] if wishes else [])]))
    return f"{name} ({card.phrase(label)}):"


def capital(text: str) -> str:
    """Make the first letter a capital."""
    return text[:1].upper() + text[1:]


def _beginning(card: TaskCard, brief: Brief) -> str:
    """Return what the answer starts with, after the header: nothing, a template, or a pair's first text."""
    start = f" {brief.start}" if brief.start else ""
    if brief.given:
        return f" {brief.given}\n{pair_header(card, brief.label, brief.wishes)}{start}"
    return start


def _frame(card: TaskCard, brief: Brief, *, chat: bool = False) -> str:
    """Return what stands before the header: the demonstrations, or texts of other kinds."""
    if brief.shown:
        return _intro(card, brief) + _listed(card, brief)
    if card.pair_name:
        return _PAIRS_FORM + _intro(card, brief)
    shown = "".join(f"{_heading(*what, chat=chat)}{text}\n\n" for *what, text in _EXAMPLES)
    return shown + _heading(card.description, card.phrase(brief.label), chat=chat)


def _heading(description: str, phrase: str, *, chat: bool) -> str:
    # A base model would write the sentence at the end of its texts; a chat model ends better after it.
    if chat:
        return f"Here are some {description}. Every one of them is clearly {phrase}.\n\n"
    return f"{capital(description)}, clearly {phrase}\n"


def _intro(card: TaskCard, brief: Brief) -> str:
    # Saying the label here too makes the small model obey it: the LLM reads 80 % of its texts (of 383) as
    # written and not 75 %. Twice the demonstrations, or ones of the other label, bring 78 % and 58 %.
    if any(row["label"] != brief.label for row in brief.shown):
        return f"Here are some {card.description}.\n\n"
    if card.pair_name:
        return f"Here are some {card.description}. Each one is clearly: {card.phrase(brief.label)}.\n\n"
    return f"Here are some {card.description}. Every one of them is clearly {card.phrase(brief.label)}.\n\n"


def _listed(card: TaskCard, brief: Brief) -> str:
    def text(row: Labelled) -> str:
        if card.pair_name:
            return f"{row['text']}\n{pair_header(card, row['label'])} {row['text_pair']}"
        return row["text"]

    return "".join(f"{header(card, row['label'])} {text(row)}\n\n" for row in brief.shown)
