"""Notes as Markdown: what people may write, and that nothing of it loads, runs or leads astray."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.utils.html import escape
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.web.markdown import MOST_LETTERS, marked_up

TAGS = {"a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td", "h3", "h4", "h5", "h6"}
REL = 'rel="noopener noreferrer nofollow"'


class Seen(HTMLParser):
    """Every tag of a piece of HTML with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def harmless(html: str) -> bool:
    """Only tags of text, and of attributes only where a link leads, and at which number a list begins. Or all as it was written."""
    return all(
        (tag, held) == ("p", {"class": "pre"})
        or (
            tag in TAGS
            and (
                set(held) == {"href", "rel", "title"}
                and held["rel"] == "noopener noreferrer nofollow"
                and re.match("(https?://|mailto:)", held["href"] or "", re.IGNORECASE) is not None
                if tag == "a"
                else set(held) <= ({"start"} if tag == "ol" else set())
            )
        )
        for tag, held in Seen(html).tags
    )


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ("first **notes**", "<p>first <strong>notes</strong></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("# Big\n\n### Small", "<h3>Big</h3>\n<h5>Small</h5>"),
        ("- a\n- `b`", "<ul>\n<li>a</li>\n<li><code>b</code></li>\n</ul>"),
        ("```sh\nls <x>\n```", "<pre><code>ls &lt;x&gt;\n</code></pre>"),
        ("loss_of_a 2*3*4", "<p>loss_of_a 2<em>3</em>4</p>"),
        ("|a|\n|-:|\n|1|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n</tr>\n</tbody>\n</table>"),
    ],
)  # fmt: skip
def test_what_is_marked_is_shown_so(written: str, html: str) -> None:
    assert marked_up(written).strip() == html


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ("[a](https://example.org/x)", f'<a href="https://example.org/x" {REL} title="https://example.org/x">a</a>'),
        ("<me@example.org>", f'<a href="mailto:me@example.org" {REL} title="mailto:me@example.org">me@example.org</a>'),
        ("![loss](https://example.org/l.png)", f'<a href="https://example.org/l.png" {REL} title="https://example.org/l.png">loss</a>'),
        ("![](https://e.org/l.png)", f'<a href="https://e.org/l.png" {REL} title="https://e.org/l.png">https://e.org/l.png</a>'),
        ("[![b](https://e.org/b.svg)](https://e.org)", f'<a href="https://e.org" {REL} title="https://e.org">b</a>'),
    ],
)  # fmt: skip
def test_links_lead_away_openly_and_pictures_are_links(written: str, html: str) -> None:
    assert marked_up(written) == f"<p>{html}</p>\n"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("see https://e.org/a_b_c.", "https://e.org/a_b_c"),
        ("(https://e.org/x_(y)) and on", "https://e.org/x_(y)"),
        ("https://e.org/_all_/?q=1&page=2#top, which", "https://e.org/_all_/?q=1&page=2#top"),
        ("**http://localhost:8000/a**", "http://localhost:8000/a"),
        ("*see HTTPS://e.org:* it", "HTTPS://e.org"),
        ("結果はhttps://e.org/aにあります。", "https://e.org/a"),
        ("- https://e.org\n", "https://e.org"),
        ("|a|\n|-|\n|https://e.org|", "https://e.org"),
    ],
)
def test_an_address_in_a_sentence_leads_there(written: str, address: str) -> None:
    html = marked_up(written)
    assert f'<a href="{escape(address)}" {REL} title="{escape(address)}">{escape(address)}</a>' in html
    assert html.count("<a ") == 1 and harmless(html)


@pytest.mark.parametrize(
    ("written", "links"),
    [
        ("`https://e.org`", 0),
        ("    https://e.org", 0),
        ("ftp://e.org file:///etc/passwd javascript://e.org/%0aalert(1) //e.org e.org", 0),
        ("https:// http:///x https://.e.org xhttps://e.org a.https://e.org", 0),
        ("https://bank.example@e.org https://bank.example:pw@e.org/x", 0),
        ("https\\://e.org", 0),
        ("[https://e.org](https://f.org) [a https://g.org b](https://h.org)", 2),
        ('<https://e.org> https://e.org/"onmouseover="alert(1) https://e.org/<b>', 3),
    ],
)
def test_what_is_no_address_or_a_link_already_is_left_as_it_is(written: str, links: int) -> None:
    html = marked_up(written)
    assert html.count("<a ") == links and harmless(html)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt&colon;alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](java\tscript:alert(1))",
    "<javascript:alert(1)>",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "![a](data:image/png;base64,iVBORw0KGgo=)",
    "![a](/api/v1/runs)",
    "[a](//evil.example)",
    "[a](/teams/lab)",
    "[a](vbscript:x) [b](file:///etc/passwd)",
    "[a]\n\n[a]: javascript:alert(1) 'x'",
    '[a](https://e.org/"onmouseover="alert(1))',
    '[a](https://e.org "x\\" onmouseover=\\"alert(1)")',
    "```x\" onmouseover=alert(1)\ny\n```",
    "| a |\n|:-:|\n| <b onclick=x> |",
    "<!-- --><style>*{display:none}</style>",
    "# a {#id .class}",
    "nul\0nul \ud800 \u202egnp.exe\u2066",
    "&lt;script&gt; &#0; &#xd800;",
]  # fmt: skip


@pytest.mark.parametrize("written", HOSTILE)
def test_nothing_loads_runs_or_pretends(written: str) -> None:
    assert harmless(marked_up(written))


@given(st.lists(st.sampled_from([*HOSTILE, *"[]()<>!*_`~#|:-\\\"' \n", "https://e.org"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_however_it_is_put_together_it_is_harmless(parts: list[str]) -> None:
    assert harmless(marked_up("".join(parts)))


@pytest.mark.parametrize(
    "part",
    [
        "[",
        "![",
        "**a",
        "> ",
        "`a``",
        "*a_ ",
        "- ",
        "[a](",
        "<a",
        "https://",
        "https://a)",
        "http://a.b/((",
        "://a",
        "&amp;",
        "~~a",
        "\\",
        "[a]: x\n",
    ],
)
@pytest.mark.timeout(20)
def test_deep_and_long_notes_are_read_in_time(part: str) -> None:
    assert harmless(marked_up((part * MOST_LETTERS)[:MOST_LETTERS]))


ADDRESS = "\n\n[a]: https://" + "x" * 9000 + "\n\n"


@pytest.mark.parametrize(
    "rest",
    [
        "x" * MOST_LETTERS,
        "\n" + "|a" * 99 + "\n" + "|-" * 99 + "\n" + "|\n" * 99,
        ADDRESS + "[a]" * 3600,
        ADDRESS + "[![][a]](http://b)" * 500,
        "\n\n[a]: https://" + "é&" * 4500 + "\n\n" + "[a]" * 3000,
        "\n" + "> " * 25 + "hidden",
        "".join("\n" + "  " * deep + "- x" for deep in range(15)),
    ],
    ids=["letters", "cells", "links", "pictures", "spelled-out", "quotes", "lists"],
)
def test_what_is_too_much_stands_as_it_was_written(rest: str) -> None:
    assert marked_up("**a** <b>" + rest) == f'<p class="pre">**a** &lt;b&gt;{escape(rest)}</p>'


def test_what_is_nested_is_shown_to_its_last_level() -> None:
    lists = marked_up("".join("  " * deep + f"- at {deep}\n" for deep in range(9)))
    quotes = marked_up("> " * 19 + "shown")
    assert "at 8" in lists and lists.count("<ul>") == 9
    assert "shown" in quotes and quotes.count("<blockquote>") == 19
