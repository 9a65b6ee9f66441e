from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.core.admin import ReadOnlyAdmin
from apps.erasure.models import ErasureJob


@admin.register(ErasureJob)
class ErasureJobAdmin(ReadOnlyAdmin):
    hidden = frozenset({"entity"})  # whose name nobody reads any more
    list_display = [
        "public_id",
        "whose",
        "scope",
        "cause",
        "step",
        "tries",
        "trouble",
        "asked_at",
        "due_at",
        "done_at",
    ]
    list_filter = ["scope", "cause", "step"]
    list_select_related = ["entity"]
    ordering = ["-id"]

    @admin.display(description=_("whose"))
    def whose(self, job: ErasureJob) -> str:
        return job.entity.public_id
