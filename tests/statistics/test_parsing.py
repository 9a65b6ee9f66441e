from __future__ import annotations

import time

import pytest

from apps.statistics.parsing import MOST_BYTES, names_in


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("torch==2.9.1", "torch"),
        ("  torch == 2.9.1  ", "torch"),
        ("Scikit_Learn>=1.5,<2", "scikit-learn"),
        ("ruamel.yaml~=0.18", "ruamel-yaml"),
        ("torch", "torch"),
        ("jax[cuda12]==0.8", "jax"),
        ("jax [cuda12, tpu] ==0.8", "jax"),
        ('torch==2.9.1; python_version < "3.12"', "torch"),
        ("torch===2.9.1+cu126", "torch"),
        ("torch!=2.0", "torch"),
        ("torch  # for the model", "torch"),
        ("torch (>=2.0)", "torch"),
    ],
)
def test_a_name_is_read_as_the_index_compares_names(line: str, name: str) -> None:
    assert names_in(line.encode()) == {name}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# torch==2.9.1",
        "-e .",
        "-r other.txt",
        "--hash=sha256:00",
        "./torch",
        "/home/nina/torch",
        "https://example.org/torch.whl",
        "git+https://example.org/torch",
        # What came from an address is not the public package of that name.
        "torch @ git+https://example.org/torch",
        "torch@ file:///home/nina/torch.whl",
        "C:\\torch",
        "torch 2.9.1",
        "\x00torch",
        "тorch==1",  # a Cyrillic letter
        f"{'x' * 101}==1",
        f"torch=={'1' * 400}",
    ],
)
def test_what_names_no_package_of_an_index_is_no_name(line: str) -> None:
    assert names_in(line.encode()) == set()


def test_bytes_that_are_no_text_spoil_no_other_line() -> None:
    assert names_in(b"\xff\xfe\x00\ntorch==1\r\njax\x0bpolars>=1\n") == {"torch", "jax", "polars"}


def test_no_file_takes_long() -> None:
    lines = [b"a" * 300, b"a[" + b"]" * 290, b"-" * 300, b"a" + b" " * 298, b"a." * 150, b"a[" + b"[" * 290]
    began = time.monotonic()

    for line in lines:
        names_in((line + b"\n") * (MOST_BYTES // len(line)))

    assert (
        time.monotonic() - began < 20
    )  # each takes a fraction of a second; what grows by powers would take years


def test_only_the_first_part_of_a_large_file_is_read() -> None:
    assert names_in(b"#" + b" " * MOST_BYTES + b"\ntorch") == set()
