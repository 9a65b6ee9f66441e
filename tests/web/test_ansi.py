from __future__ import annotations

import time

import pytest

from apps.web.ansi import MOST_READ, Span, nearest, plain, spans_of


def _spans(text: str) -> list[tuple[str, str]]:
    return [(span.text, span.classes) for span in spans_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain <b>&", [("plain <b>&", "")]),
        ("", []),
        ("\x1b[31mred\x1b[0m not", [("red", "f1"), (" not", "")]),
        (
            "\x1b[1;4;92mnew\x1b[22;24mold\x1b[39mnone",
            [("new", "f10 bold under"), ("old", "f10"), ("none", "")],
        ),
        ("\x1b[2mdim\x1b[m", [("dim", "dim")]),
        ("\x1b[3;9mx", [("x", "slant struck")]),
        ("\x1b[41;33mon red", [("on red", "g1")]),
        ("\x1b[7minverse", [("inverse", "g-ink")]),
        ("\x1b[7;32minverse", [("inverse", "g2")]),
        ("\x1b[7;44minverse of a ground", [("inverse of a ground", "g-ink")]),
        ("\x1b[104mx\x1b[49my", [("x", "g12"), ("y", "")]),
        ("\x1b[38;5;208morange\x1b[48;5;19m", [("orange", "f3")]),
        ("\x1b[38;2;10;200;30mx\x1b[38:2::250:5:5my", [("x", "f2"), ("y", "f9")]),
        ("\x1b[38;5;9;1mx", [("x", "f9 bold")]),
        ("\x1b[38;5mx\x1b[38;2;1my\x1b[38;5;999mz", [("xyz", "")]),
        ("\x1b[;31mx\x1b[99999mz\x1b[?25ly", [("x", "f1"), ("zy", "")]),
    ],
)
def test_colours(text: str, expected: list[tuple[str, str]]) -> None:
    assert _spans(text) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" 10%|#\r 50%|###\r100%|######", "100%|######"),
        ("a long one\rshort", "shortg one"),
        ("a long one\r\x1b[Kshort", "short"),
        ("a long one\x1b[2K\rshort", "short"),
        ("abcdef\x1b[3D\x1b[1K.", "   .ef"),
        ("abc\b\bX", "aXc"),
        ("ab\x1b[3Cc\x1b[1Gx", "xb   c"),
        ("\x1b[9999999999Cx", " x"),
        ("done\r", "done"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("bell\x07 null\x00 nel\x85 tab\there", "bell null nel tab\there"),
        ("\x1b[5A\x1b[2Jup\x1b[", "up"),
        ("\x1b(B\x1b=\x1bMx\x1b", "x"),
        ("\x1b]never ends", ""),
        ("日本\r語", "語本"),
    ],
)
def test_what_stays_of_a_line(text: str, shown: str) -> None:
    assert "".join(span.text for span in spans_of(text)) == shown
    assert plain(text) == shown


def test_a_move_far_away_makes_no_long_line() -> None:
    assert len(plain("\x1b[99999C" * 100 + "x\x1b[8000C" * 50)) < 10_000


@pytest.mark.parametrize(
    "piece",
    ["\x1b", "\x1b[", "\x9d", "\x1b]x", "\x1b[1;", "\x1b[0", "x\r", "\x1b[1Cx", "\x1b[31mx", "\x1b[1K"],
)
def test_hostile_lines_take_no_longer_than_others(piece: str) -> None:
    text = piece * (1_000_000 // len(piece)) + "\x1b"
    began = time.process_time()

    spans_of(text)
    plain(text)

    assert time.process_time() - began < 2


def test_a_long_line_without_controls_is_whole() -> None:
    assert spans_of("x" * (MOST_READ + 1)) == [Span("x" * (MOST_READ + 1))]


@pytest.mark.parametrize(
    ("rgb", "place"), [((0, 0, 0), 0), ((255, 255, 255), 15), ((250, 20, 20), 9), ((120, 120, 120), 8)]
)
def test_other_colours_are_the_nearest_of_the_sixteen(rgb: tuple[int, int, int], place: int) -> None:
    assert nearest(*rgb) == place


@pytest.mark.parametrize(
    "moves",
    ["\x1b[8192Ca" + "\x1b[1K" * 16_000, "\x1b[8192Ca\r\x1b[K" * 5_000, "\x1b[8192Ca\x1b[2K\r" * 5_000],
    ids=["erased", "filled", "cleared"],
)
def test_moves_that_write_a_line_again_and_again_are_bounded(moves: str) -> None:
    """Eight seconds for one line, before there was a bound: a page has five hundred."""
    before = time.process_time()
    spans_of(moves[:MOST_READ])
    assert time.process_time() - before < 0.5
