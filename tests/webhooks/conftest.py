from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.webhooks.receiver import Names, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.put_on(monkeypatch)
    return made
