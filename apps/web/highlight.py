"""Source text with its words coloured: pygments reads it, our own classes show it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from apps.web.ansi import Span

# Its expressions are Python's, which may take long over text that was made for it: bounds on all that goes in.
MOST_HIGHLIGHTED = 256 * 1024
LONGEST_LINE = 2000
_SECONDS = 1.0

_LEXERS = {
    "bash": "sh bash zsh",
    "bibtex": "bib",
    "c": "c h",
    "cpp": "cc cpp cu cuh hpp",
    "css": "css",
    "diff": "diff patch",
    "go": "go",
    "html": "html htm",
    "ini": "cfg conf ini",
    "java": "java",
    "javascript": "js mjs",
    "json": "ipynb json jsonl ndjson",
    "julia": "jl",
    "markdown": "md",
    "python": "py pyi",
    "r": "r",
    "rst": "rst",
    "rust": "rs",
    "sql": "sql",
    "tex": "tex",
    "toml": "toml",
    "typescript": "ts",
    "xml": "svg xml",
    "yaml": "yaml yml",
}
_BY_SUFFIX = {suffix: lexer for lexer, suffixes in _LEXERS.items() for suffix in suffixes.split()}
_BY_NAME = {"dockerfile": "docker", "makefile": "make"}
# The token's type, or the nearest above it that stands here.
_CLASSES = {
    "Comment": "dim",
    "Generic.Deleted": "f1",
    "Generic.Heading": "bold",
    "Generic.Inserted": "f2",
    "Generic.Strong": "bold",
    "Generic.Subheading": "bold",
    "Keyword": "f5",
    "Keyword.Constant": "f3",
    "Literal.Date": "f3",
    "Literal.Number": "f3",
    "Literal.String": "f2",
    "Name.Attribute": "f6",
    "Name.Builtin": "f6",
    "Name.Class": "f4",
    "Name.Decorator": "f3",
    "Name.Exception": "f1",
    "Name.Function": "f4",
    "Name.Namespace": "f4",
    "Name.Tag": "f4",
    "Operator.Word": "f5",
}


def language_of(name: str) -> str:
    """The language that a file's name tells, or nothing."""
    last = PurePosixPath(name.lower()).name
    return _BY_NAME.get(last, _BY_SUFFIX.get(last.rpartition(".")[2], ""))


def highlighted(text: str, language: str) -> list[list[Span]]:
    """The lines of a text, coloured as far as that is safe and quick; the rest plain."""
    lines = text.split("\n")
    if not language or len(text) > MOST_HIGHLIGHTED or max(map(len, lines)) > LONGEST_LINE:
        return [[Span(line)] if line else [] for line in lines]
    return list(_lines(_tokens(text, language)))


def _tokens(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Pieces of the text with their classes."""
    from pygments.lexers import get_lexer_by_name

    lexer: Any = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    deadline = time.monotonic() + _SECONDS
    done = 0
    for kind, piece in lexer.get_tokens(text):
        yield piece, _class_of(kind)
        done += len(piece)
        if time.monotonic() > deadline:
            yield text[done:], ""
            return


def _class_of(kind: object) -> str:
    parts = str(kind).split(".")[1:]
    for length in range(len(parts), 0, -1):
        found = _CLASSES.get(".".join(parts[:length]))
        if found is not None:
            return found
    return ""


def _lines(pieces: Iterator[tuple[str, str]]) -> Iterator[list[Span]]:
    line: list[Span] = []
    for piece, classes in pieces:
        first, *more = piece.split("\n")
        if first:
            line.append(Span(first, classes))
        for each in more:
            yield line
            line = [Span(each, classes)] if each else []
    yield line
