"""Mail to who handed something in: that it is done or that it was given up, with a link to its page and nothing of what is in it."""

from __future__ import annotations

from apps.core.address import instance_address
from apps.imports.models import Import
from apps.imports.types import ImportState
from apps.teams.choices import SettingName
from apps.teams.notices import send_notice, who_hears


def tell_of_import(import_id: int) -> None:
    """A message that is lost costs them a mail: the page says the same."""
    ended = Import.objects.filter(state__in=[ImportState.DONE, ImportState.GIVEN_UP], entity__erased_at=None)
    job = ended.filter(pk=import_id).first()
    asker = job and who_hears(job.asked_by, SettingName.MAIL_IMPORTS)
    if not job or not asker:
        return
    base = instance_address()
    words = {
        "is_done": "yes" if job.state == ImportState.DONE else "",
        "address": base and f"{base}/settings/imports/{job.public_id}",
    }
    send_notice(asker, "import", words)
