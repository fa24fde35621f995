"""Put a `PromptSpec` into words: a prompt for a base model, which continues a text, or for a chat model.

The label is drawn first and the model writes a text for it (Li et al. 2024 recommend to condition on labels
and not to parse them from the answer). `order: text_first` is the other way round, to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

from labelmint.prompts.spec import PromptSpec
from labelmint.tasks.cards import TaskCard, row_text

# One text is one line, in the demonstrations and in the answer; several fields end with an empty line.
STOP, FIELDS_STOP = "\n", "\n\n"

# With at most this many new tokens, a chat model is asked for one short sentence.
SHORT_TOKENS = 100

ChatTemplate = Callable[[str, str], str]

# Without any demonstration a model writes empty lines, markup and lists. Texts of other kinds show the form;
# each is introduced as the task is, or the model would continue about birthdays and surveys.
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


def base_prompt(card: TaskCard, spec: PromptSpec) -> str:
    """Show demonstrations, or texts of other kinds, as a list that the model continues."""
    return _frame(card, spec) + _beginning(card, spec)


def chat_prompt(card: TaskCard, spec: PromptSpec, template: ChatTemplate, max_tokens: int) -> str:
    """Ask for one text; the answer's start is given, so that small models don't chat about it.

    The start opens no quotation, within which SmolLM2 writes titles. After a bare colon it ends at once three
    times out of four, which `Sampling.never_empty` prevents. Where few tokens are allowed, a short text is
    asked for; otherwise one in seven is cut off (without demonstrations one in four).
    """
    modifiers = "".join(f", {modifier}" for modifier in spec.modifiers)
    what = f"{card.phrase(spec.label)} {card.text_name}"
    if card.pair_name:
        what = f"pair of {card.text_name} and {card.pair_name} ({card.phrase(spec.label)})"
        if spec.first_text:
            what = f"{card.pair_name} ({card.phrase(spec.label)}) for the {card.text_name} given"
    like = "in the same style" if spec.demonstrations else f"as in {card.description}"
    again = " Don't repeat the ones above." if spec.demonstrations else ""
    length = "in one short sentence" if max_tokens <= SHORT_TOKENS else "on one line"
    if card.pair_name and not spec.first_text:
        length = f"each {length}"
    request = f"{_frame(card, spec, chat=True)}Write one new {what}{modifiers}, {like}, {length}.{again}"
    return template(request, _beginning(card, spec))


def text_first_prompt(card: TaskCard, spec: PromptSpec, template: ChatTemplate | None) -> str:
    """Show rows with their labels after them; the model writes a text and then its label."""
    name = f"{capital(card.text_name)}:"
    end = f"{name} {spec.first_text}\n{capital(str(card.pair_name))}:" if spec.first_text else name
    rows = "".join(
        f"{name} {row_text(card, row)}\n{card.question}: {card.phrase(row['label'])}\n\n"
        for row in spec.demonstrations
    )
    frame = f"Here are some {card.description}.\n\n{rows}"
    return template(f"{frame}Write one more, in the same form.", end) if template else frame + end


def header(card: TaskCard, label: str, modifiers: tuple[str, ...] = ()) -> str:
    """Return what stands before a text, e.g. "Negative film review about the acting:".

    Of a pair it stands before the first text, without the label, which belongs to both texts.
    """
    name = card.text_name if card.pair_name else f"{card.phrase(label)} {card.text_name}"
    return capital(f"{name} {', '.join(modifiers)}:" if modifiers else f"{name}:")


def pair_header(card: TaskCard, label: str, modifiers: tuple[str, ...] = ()) -> str:
    """Return what stands before a pair's second text, e.g. "Hypothesis (follows from the premise):"."""
    name = f"{card.pair_name} {', '.join(modifiers)}" if modifiers else card.pair_name
    return capital(f"{name} ({card.phrase(label)}):")


def capital(text: str) -> str:
    """Make the first letter a capital."""
    return text[:1].upper() + text[1:]


def _beginning(card: TaskCard, spec: PromptSpec) -> str:
    """Return the header and what the answer starts with: nothing, a template, or a pair's first text."""
    start = f" {spec.start}" if spec.start else ""
    if not spec.first_text:
        return header(card, spec.label, spec.modifiers) + start
    second = pair_header(card, spec.label, spec.modifiers)
    return f"{header(card, spec.label)} {spec.first_text}\n{second}{start}"


def _frame(card: TaskCard, spec: PromptSpec, *, chat: bool = False) -> str:
    """Return what stands before the header: the demonstrations, or texts of other kinds."""
    if spec.demonstrations:
        return _intro(card, spec) + _listed(card, spec)
    if card.pair_name:
        return _PAIRS_FORM + _intro(card, spec)
    shown = "".join(f"{_heading(*what, chat=chat)}{text}\n\n" for *what, text in _EXAMPLES)
    return shown + _heading(card.description, card.phrase(spec.label), chat=chat)


def _heading(description: str, phrase: str, *, chat: bool) -> str:
    # A base model would repeat the sentence at the end of its texts; a chat model ends better after it.
    if chat:
        return f"Here are some {description}. Every one of them is clearly {phrase}.\n\n"
    return f"{capital(description)}, clearly {phrase}\n"


def _intro(card: TaskCard, spec: PromptSpec) -> str:
    # With the label here too, the small model keeps it more often: in 80 % of 383 texts by the LLM's label
    # scores, 75 % without. Twice the demonstrations, or ones of the other label: 78 % and 58 %.
    intro, phrase = f"Here are some {card.description}.", card.phrase(spec.label)
    if any(row["label"] != spec.label for row in spec.demonstrations):
        return f"{intro}\n\n"
    if card.pair_name:
        return f"{intro} Each one is clearly: {phrase}.\n\n"
    return f"{intro} Every one of them is clearly {phrase}.\n\n"


def _listed(card: TaskCard, spec: PromptSpec) -> str:
    shown = ""
    for row, modifiers in zip(spec.demonstrations, spec.shown_modifiers or repeat(()), strict=False):
        # Where they stand in the header of the text to be written: of a pair, the first that is written.
        first, second = ((), modifiers) if spec.first_text else (modifiers, ())
        shown += f"{header(card, row['label'], first)} {row['text']}"
        shown += f"\n{pair_header(card, row['label'], second)} {row['text_pair']}" if card.pair_name else ""
        shown += "\n\n"
    return shown
