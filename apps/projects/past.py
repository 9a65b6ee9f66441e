"""What comes from elsewhere brings its ids along, where nobody bears them here."""

from __future__ import annotations

from django.db.models import Model

from apps.audit.queries import is_on_record
from apps.core.ids import is_public_id, new_public_id


def kept_id(model: type[Model], wanted: str) -> str:
    """The id that it had elsewhere; a new one where something here has it, or ever had: a receipt says of an id that what bore it
    is gone, and that stays true."""
    if not is_public_id(wanted) or is_on_record(wanted):
        return new_public_id()
    is_taken = model._base_manager.filter(public_id=wanted).exists()
    return new_public_id() if is_taken else wanted
