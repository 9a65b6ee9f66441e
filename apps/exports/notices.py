"""Mail to who asked for an export: that it is ready or failed, with a link to its page and nothing of what is in it."""

from __future__ import annotations

from apps.core.address import instance_address
from apps.exports.models import Export
from apps.exports.types import ExportState
from apps.teams.choices import SettingName
from apps.teams.notices import send_notice, who_hears


def tell_of_export(export_id: int) -> None:
    """A message that is lost costs them a mail: the page says the same."""
    export = Export.objects.filter(pk=export_id, state__in=[ExportState.READY, ExportState.FAILED]).first()
    asker = export and who_hears(export.asked_by, SettingName.MAIL_EXPORTS)
    if not export or not asker:
        return
    base = instance_address()
    words = {
        "is_ready": "yes" if export.state == ExportState.READY else "",
        "address": base and f"{base}/settings/exports/{export.public_id}",
    }
    send_notice(asker, "export", words)
