from __future__ import annotations

import pytest

from apps.core.errors import Invalid
from apps.files.names import clean_file_name


@pytest.mark.parametrize(
    "name",
    [
        "output.log",
        "media/images/sample_0.png",
        "a b/c (1).txt",
        "猫/😀.txt",
        "\u202etxt.exe",
        "..hidden/...",
        "a..b/c",
        ".gitignore",
        "100%/what?#[]*",
        "quote\"'.txt",
        "x" * 1024,
        "windows\\style\\name.txt",
        "12:30.log",
    ],
)
def test_names_are_labels_and_kept_as_they_are(name: str) -> None:
    assert clean_file_name(name) == name


def test_equal_letters_are_one_name() -> None:
    assert clean_file_name("e\u0301tude.txt") == "\u00e9tude.txt"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/../../x",
        "a/..",
        "..",
        "..\\x",
        "a\\..\\..\\x",
        "a/..\\x",
        "/etc/passwd",
        "\\server\\share",
        "//server/share",
        "C:\\x",
        "C:x",
        "c:/x",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "\x1b[31m",
        "\ud800",
        "a/\udfff",
        "x" * 1025,
        "猫" * 342,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_file_name(name)

    assert len(name) < 3 or name not in caught.value.message
