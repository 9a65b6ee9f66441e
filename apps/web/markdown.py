"""What people write about a run, as they meant it: Markdown, of which nothing loads, runs or pretends to be of this page.

HTML stays the letters that it is, a picture becomes a link, and links lead to the web or to a mailbox (ADR 0248). So does
an address that stands bare in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MOST_LETTERS = 20_000
MOST_CELLS = 5_000  # of tables, whose short rows are filled up
MOST_GROWN = 5  # times as many letters as may be written
_LEADS = re.compile(r"(?:https?://|mailto:)[^/]", re.IGNORECASE)
_REL = "noopener noreferrer nofollow"
_SCHEME = re.compile(r"(?:^|[^\w.+-])(https?)$", re.IGNORECASE | re.ASCII)
# The letters that addresses are made of (RFC 3986) and no others, for Japanese goes on without a space. Without brackets,
# of which links themselves are made, and without a name before an @, which would pass for the place it leads to.
_BARE = re.compile(
    r"://(?![^\s/?#]*@)\w[\w.-]*+(?::\d{1,5}(?!\d))?(?:[/?#][\w.~:/?#@!$&()*+,;=%-]*)?", re.ASCII
)
_ENDS_NO_ADDRESS = ".,:;!?*~_&"
_DEEPEST = 20
_HOLDERS = {"blockquote_open", "list_item_open"}
# The page has h1 and h2 of its own.
_BELOW = 2


def marked_up(text: str) -> SafeString:
    """The text as HTML. Where it is too much to be read for its marks it stands as it was written."""
    lines = text.splitlines()
    cells = len(lines) * max((line.count("|") for line in lines), default=0)
    if len(text) > MOST_LETTERS or cells > MOST_CELLS:
        return format_html('<p class="pre">{}</p>', text)
    env: dict[str, object] = {}
    tokens = _reader.parse(text, env)
    if _grows(tokens) or _is_deep(tokens):
        return format_html('<p class="pre">{}</p>', text)
    return SafeString(_reader.renderer.render(tokens, _reader.options, env))


def _grows(tokens: list[Token]) -> bool:
    """An address that is named once is written out wherever it is used: kilobytes would become megabytes."""
    parts = [child for token in tokens for child in token.children or ()]
    led = sum(len(str(value)) for part in parts for value in (part.content, *part.attrs.values()))
    return led > MOST_GROWN * MOST_LETTERS


def _is_deep(tokens: list[Token]) -> bool:
    """Of what lies deeper the reader leaves out all, without a word."""
    return any(token.type in _HOLDERS and token.level >= _DEEPEST - 1 for token in tokens)


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        """Asked of links and pictures once their addresses are spelled out; what is refused stays text."""
        return _LEADS.match(url) is not None


def _tame(state: StateCore) -> None:
    for token in state.tokens:
        token.info = ""  # the language of a block would become a class that others chose
        token.attrs.pop("style", None)  # how a column is set; the policy refuses it
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _BELOW)}"
        token.children = list(_inside(token.children or ()))


def _inside(children: Iterable[Token]) -> Iterator[Token]:
    """Links say that they lead away; a picture is a link to it, and inside of a link its words."""
    is_in_link = False
    for token in children:
        if token.type == "link_open":
            is_in_link = True
            yield _link(str(token.attrs.get("href", "")))
        elif token.type == "image":
            address = str(token.attrs.get("src", ""))
            words = Token("text", "", 0, content=token.content or address)
            yield from [words] if is_in_link else [_link(address), words, Token("link_close", "a", -1)]
        else:
            is_in_link = is_in_link and token.type != "link_close"
            yield token


def _bare(state: StateInline, silent: bool) -> bool:
    """An address that nobody marked is a link to itself, up to the full stop or bracket that belongs to the sentence."""
    if state.src[state.pos] != ":" or state.linkLevel:
        return False
    scheme = _SCHEME.search(state.pending[-6:])  # and a letter before it
    found = _BARE.match(state.src, state.pos, state.posMax)
    if scheme is None or found is None:
        return False
    rest = _without_the_end(found[0])
    address = state.md.normalizeLink(scheme[1] + rest)
    if not state.md.validateLink(address):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[1])]
        state.push("link_open", "a", 1).attrs = {"href": address}
        state.push("text", "", 0).content = scheme[1] + rest
        state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _without_the_end(address: str) -> str:
    closes = address.count(")") - address.count("(")  # of brackets that were opened before it
    while address[-1] in _ENDS_NO_ADDRESS or (address[-1] == ")" and closes > 0):
        closes -= address[-1] == ")"
        address = address[:-1]
    return address


def _link(address: str) -> Token:
    """Its title is the address: what it is called may say anything."""
    return Token("link_open", "a", 1, attrs={"href": address, "rel": _REL, "title": address})


def _words(_renderer: object, tokens: Sequence[Token], place: int, _options: object, _env: object) -> str:
    """As Django spells them, quotation marks as well: a page is the same to who looks for broken out words."""
    return escape(tokens[place].content)


def _made() -> MarkdownIt:
    reader = _Reader("js-default", {"html": False, "breaks": True, "maxNesting": _DEEPEST})
    reader.inline.ruler.after("text", "bare", _bare)
    reader.core.ruler.push("tame", _tame)
    reader.add_render_rule("text", _words)
    return reader


_reader = _made()
