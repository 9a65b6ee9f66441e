"""Mail to who handed something in: that it is done or that it was given up, with a link to its page and nothing of what is in it."""

from __future__ import annotations

from apps.accounts.models import User
from apps.core.address import instance_address
from apps.imports.models import Import
from apps.imports.types import ImportState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.notices import send_notice
from apps.teams.queries import effective


def tell_of_import(import_id: int) -> None:
    """A message that is lost costs them a mail: the page says the same."""
    ended = Import.objects.filter(state__in=[ImportState.DONE, ImportState.GIVEN_UP], entity__erased_at=None)
    job = ended.filter(pk=import_id).first()
    asker = job and User.objects.filter(public_id=job.asked_by, is_active=True, is_service=False).first()
    own = asker and Entity.objects.filter(user=asker).first()
    if not job or not asker or not own or not effective(own, SettingName.MAIL_IMPORTS).is_on:
        return
    base = instance_address()
    words = {
        "is_done": "yes" if job.state == ImportState.DONE else "",
        "address": base and f"{base}/settings/imports/{job.public_id}",
    }
    send_notice(asker, "import", words)
