"""What operators look at in the admin, noted for the owner concerned. All they see is sizes, dates and states."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest

from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.audit.repeats import Subject, count
from apps.core.admin import opaque
from apps.core.privacy import declared


def note_seen(request: HttpRequest, rows: list[Model], is_list: bool) -> None:
    """One line an hour for each row that an operator opens, and in lists for each owner of what they show."""
    subjects: dict[str, Subject] = {}
    for row in rows:
        if owner := owner_of(row):
            subject = Subject(owner if is_list else opaque(row), entity=owner)
            subjects[subject.id] = subject
    if subjects:
        what = rows[0]._meta.label_lower
        count(
            EventKind.ADMIN_SEEN,
            list(subjects.values()),
            by=request.actor,  # type: ignore[attr-defined]
            via=f"{what}.list" if is_list else what,
        )


def owner_of(row: Model) -> str:
    """The public id of the person, team or organisation with which this row ends; empty where it is nobody's.

    An event ends with nobody, and says itself whose it is.
    """
    if isinstance(row, Event):
        return row.entity
    above: Model | None = row
    while above is not None:
        row, goes_with = above, declared()[type(above)].goes_with
        # Rows that lie in a team or in an organisation have one of the two.
        above = (getattr(row, goes_with) or getattr(row, "organisation", None)) if goes_with else None
    return str(getattr(row, "public_id", ""))
