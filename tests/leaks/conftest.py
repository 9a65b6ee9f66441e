from __future__ import annotations

import json

import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import work
from tests.leaks.leaking import CONFIG


@pytest.fixture
def leaky(vision: Project, alice: User) -> Run:
    return work.run(vision, "leaky", by=alice, config_text=json.dumps(CONFIG))
