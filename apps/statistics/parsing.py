"""The names in a `requirements.txt`, as `pip freeze` and people write them. Pure, and in linear time: anybody uploads such files."""

from __future__ import annotations

import re

MOST_BYTES = 256 * 1024
_LONGEST_LINE = 300
# A name, perhaps extras, then nothing or what chooses a version. After an @ stands an address: what was installed from there is
# not the public package, whatever it is called.
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})\s*(?:\[[^\]]*\]\s*)?(?:[=<>!~;#(,].*)?")
_SEPARATORS = re.compile(r"[-_.]+")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")  # when normalised


def normalised(name: str) -> str:
    """As the index compares names: `Scikit_Learn` is `scikit-learn`."""
    return _SEPARATORS.sub("-", name).lower()


def names_in(data: bytes) -> set[str]:
    """The names that a file asks for from an index, normalised. Options, addresses and paths are none."""
    lines = data[:MOST_BYTES].decode("utf-8", "replace").splitlines()
    found = (_NAMED.fullmatch(line.strip()) for line in lines if len(line) <= _LONGEST_LINE)
    return {normalised(match["name"]) for match in found if match is not None}
