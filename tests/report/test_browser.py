"""The page in a real browser: nothing fails, nothing that it shows is run, and its filters are addresses."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labelmint.core.records import write_rows
from tests.report.helpers import ARABIC, SCRIPT, kept_rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome to open the page with"),
]
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=5000", "--window-size=1280,900"),
]


@dataclass
class Opened:
    """A page as the browser has it after its scripts, and what it said on its console."""

    dom: str
    console: list[str]

    @property
    def title(self):
        return re.search("<title>(.*?)</title>", self.dom)[1]

    @property
    def failures(self):
        measured = re.search(r'<html[^>]*data-failures="(.*?)"', self.dom)
        return measured[1] if measured else ""

    @property
    def ids(self):
        """Return the ids of the rows in the list."""
        return re.findall(r"<code>([su]\d+)</code>", self.dom.split('<ol id="list"')[1].split("</ol>")[0])

    @property
    def count(self):
        return re.search(r'<p id="shown"[^>]*>(.*?)</p>', self.dom)[1]

    def texts(self):
        parser = HTMLParser()
        texts = []
        parser.handle_data = texts.append
        parser.feed(self.dom.split('<ol id="list"')[1].split("</ol>")[0])
        return texts


@pytest.fixture
def opened(tmp_path):
    """Return opened(address): what the browser makes of it."""

    def see(address):
        profile = tmp_path / "profile"
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", address],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return Opened(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])

    return see


@pytest.fixture(scope="module")
def drawn():
    """Return a list for the page, which takes seconds to draw."""
    return []


@pytest.fixture
def page(full, made, opened, drawn):
    """Return page(hash): the report of the hand-made run, opened with this in its address."""
    if not drawn:
        drawn.append(made(drawn=True))
    file = full / "metrics/report.html"
    file.write_text(drawn[0], encoding="utf-8")

    def see(state=""):
        return opened(f"{file.as_uri()}{state}")

    return see


def test_nothing_fails_and_a_row_that_is_a_script_is_shown_and_not_run(page):
    seen = page("#rows?q=s000100")
    assert seen.console == []
    assert seen.failures == ""
    assert seen.title == "tiny · Labelmint"  # the row's script would change it
    assert SCRIPT in seen.texts()
    assert "<img" not in seen.dom
    assert ARABIC in page("#rows?q=s000101").texts()


def test_filters_are_addresses_that_go_together_and_pages_turn(page):
    assert page("#rows?rule=unsure_label&q=plot").ids == ["s000200"]
    assert page("#rows?rule=unsure_label").ids == ["s000200", "s000201", "u9"]
    assert page("#rows?status=relabelled").ids == ["s000100"]
    assert page("#rows?method=persona").ids == ["s000102"]
    assert page("#rows?source=unlabelled&status=kept").ids == ["u0", "u1", "u2"]
    assert page("#rows?label=positive").ids == ["s000100", "s000101"]  # as written, or as it is
    second = page("#rows?status=kept&page=2")
    assert len(second.ids) == 36 - 25
    assert second.count == "36 of 42 rows, page 2 of 2"
    assert "no row fits" in page("#rows?q=nowhere").count
    assert len(page("#rows?rule=no_such_rule").ids) == 25  # a choice that the page doesn't have is none


def test_evidence_stands_beside_the_row_with_the_words_that_differ_marked(page):
    dom = page("#rows?rule=near_duplicate").dom
    assert "<mark>nought</mark>" in dom
    assert "<mark>zero</mark>" in dom
    assert "negative → " not in dom
    copied = page("#rows?rule=demonstration_copy")
    assert copied.title == "tiny · Labelmint"
    assert "a real row, r000000" in copied.dom


def test_the_page_is_no_wider_than_a_phone(full, made, opened, tmp_path):
    long = {**kept_rows()[0], "id": "s0", "text": "w" * 400}
    write_rows(Path("data/synthetic/kept.jsonl"), [long, *kept_rows()])
    text = made(drawn=True)
    frame = f'<iframe id="f" style="border:0;width:375px;height:700px" srcdoc="{html.escape(text)}"></iframe>'
    measure = (
        "f.onload = () => { const d = f.contentDocument; o.textContent = JSON.stringify({"
        "over: d.documentElement.scrollWidth - d.documentElement.clientWidth,"
        "failures: d.documentElement.dataset.failures || '',"
        "rows: d.querySelectorAll('#list > li').length}); }"
    )
    outer = tmp_path / "phone.html"
    outer.write_text(f"<!doctype html>{frame}<pre id=o></pre><script>{measure}</script>", encoding="utf-8")
    measured = json.loads(html.unescape(re.search(r'<pre id="o">(.*?)</pre>', opened(outer.as_uri()).dom)[1]))
    assert measured == {"over": 0, "failures": "", "rows": 25}


@pytest.mark.parametrize("words", [25, 400])
def test_five_thousand_rows_are_less_than_five_megabytes(full, made, opened, words):
    text = "".join(f"{at} wörds und 你好 " for at in range(words // 4))
    rows = [{**kept_rows()[0], "id": f"s{at:06d}", "text": f"{at} {text}"} for at in range(6000)]
    write_rows(Path("data/synthetic/kept.jsonl"), rows)
    size = len(made().encode())
    assert size < 5_000_000
    seen = opened((full / "metrics/report.html").as_uri())
    assert seen.failures == ""
    assert len(seen.ids) == 25
