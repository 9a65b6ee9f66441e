from __future__ import annotations

import pytest

from apps.accounts.models import User
from tests.factories import people
from tests.wandb_protocol.asking import Asker


@pytest.fixture
def ann(alice: User) -> Asker:
    """Alice, speaking as the client does."""
    return Asker(people.api_key(alice))


@pytest.fixture
def mal(mallory: User) -> Asker:
    return Asker(people.api_key(mallory))
