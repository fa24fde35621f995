import pytest

from labelmint.core.params import TAGS
from labelmint.rules.tags import found, tags_of
from tests.builders import candidate


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("write to Jane.Doe+x@mail.example.co.uk today", ["email"]),
        ("call +44 20 7946 0958 now", ["phone"]),
        ("call (020) 7946 0958 now", ["phone"]),
        ("my number is 555-867-5309.", ["phone"]),
        ("see https://example.org/a?b=c", ["url"]),
        ("see www.example.xyz for more", ["url"]),
        ("buy it on amazon.com", ["url"]),
        ("@united you lost my bag", ["handle"]),
        ("thanks (@VirginAmerica)", ["handle"]),
        ("the server at 192.168.0.17 is down", ["ip_address"]),
        ("pay with 4111 1111 1111 1111", ["card_number"]),
        ("pay with 4111111111111111 or @me", ["handle", "card_number"]),
        ("what a load of bullshit", ["toxic"]),
        ("FUCKING awful, you asshole", ["toxic"]),
        ("a quiet film about bees", []),
        ("from 1999-2003 it made $ 100 000 000", []),
        ("we met @ 5 pm and paid 3.99", []),
        ("version 1.2.3.400 of it", []),
        ("pay with 4111 1111 1111 1112", []),
        ("she is well shitake-fed in scunthorpe", []),
        ("it is 1 000 000 000 times better", []),
        ("no plot . com or otherwise", []),
        ("0000 0000 0000 0000", []),
        ("", []),
    ],
)
def test_tags(text, tags):
    row = candidate(1, text)
    assert tags_of(row) == tags
    assert all(found(tag, row) in text for tag in tags)


def test_both_texts_of_a_pair_are_looked_at_and_tags_are_in_their_order():
    row = candidate(1, "you bastard", text_pair="write to a@example.org")
    assert tags_of(row) == ["email", "toxic"]
    assert [tag for tag in TAGS if tag in tags_of(row)] == tags_of(row)
    assert found("email", row) == "a@example.org"
