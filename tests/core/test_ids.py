from __future__ import annotations

import pytest

from apps.core.ids import is_public_id, new_public_id


def test_public_ids_are_opaque_and_differ() -> None:
    made = {new_public_id() for _ in range(1_000)}

    assert len(made) == 1_000
    assert all(is_public_id(each) for each in made)
    assert {len(each) for each in made} == {20}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a" * 19,
        "a" * 21,
        "A" * 20,
        "0" * 20,
        "a" * 19 + "\n",
        "a" * 20 + "\n",
        "a" * 19 + "\x00",
        "\ud800" * 20,
    ],
)
def test_other_texts_are_no_public_ids(text: str) -> None:
    assert not is_public_id(text)
