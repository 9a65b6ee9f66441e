from __future__ import annotations

import re
from pathlib import Path

from apps.audit.events import EventKind
from apps.web.record import SAYS

ROOT = Path(__file__).resolve().parents[2]


def test_every_kind_of_event_is_recorded_somewhere() -> None:
    sources = "".join(
        path.read_text()
        for path in (ROOT / "apps").rglob("*.py")
        if path.name not in {"events.py", "record.py"}
    )

    assert set(re.findall(r"EventKind\.([A-Z_]+)", sources)) == set(EventKind.__members__)


def test_every_kind_of_event_is_in_the_glossary() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()

    assert [kind for kind in EventKind if f"`{kind}`" not in glossary] == []


def test_every_kind_of_event_is_said_in_words_on_the_owners_page() -> None:
    assert set(SAYS) == set(EventKind), "apps/web/record.py: SAYS"
