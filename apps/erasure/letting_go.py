"""The end of the time in which an erasure could be taken back: what still led to the thing is cut, and its keys are next.

Until then links and aliases stand, and lead nowhere: whoever takes it back has them again, where others have not moved them.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import cut_links, leave_collection, leave_versions
from apps.erasure.models import ErasureJob
from apps.erasure.types import WITH_NAMES, Scope

_WITH_PROJECTS = {Scope.PROJECT: "project__erasure_job"} | dict.fromkeys(
    WITH_NAMES, "project__entity__erasure_job"
)


@transaction.atomic
def let_go(job: ErasureJob, _: Callable[[], None]) -> None:
    """By nobody: who asked is on the record since then. Cutting again finds nothing."""
    by = Actor.system()
    if job.scope in _WITH_PROJECTS:
        marked = {f"collection__{_WITH_PROJECTS[Scope(job.scope)]}": job.uuid}
        linked = Version.everything.filter(**marked, links__isnull=False)
        cut_links(linked.only("pk").distinct(), by=by)
    elif job.scope == Scope.VERSIONS:
        rows = Version.everything.select_related("collection__project__entity").defer("sealed_words")
        leave_versions(list(rows.filter(erasure_job=job.uuid).order_by("pk")), by=by)
    elif job.scope == Scope.ARTIFACT:
        rows_of = Collection.everything.select_related("project__entity")
        for collection in rows_of.filter(erasure_job=job.uuid):
            leave_collection(collection, by=by)
