"""How many versions of artifacts one entity keeps, of what size as they are stored, and since when. For its owners."""

from __future__ import annotations

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce

from apps.artifacts.models import Manifest, StoredFile, Version
from apps.core.amounts import Amount
from apps.teams.models import Entity


def kept_versions_of(entity: Entity) -> Amount:
    """For callers that asked the gate. Three questions; what is still uploaded counts as well."""
    versions = Version.objects.filter(collection__project__entity=entity)
    found = versions.aggregate(n=Count("pk"), since=Min("created_at"))
    files = StoredFile.objects.filter(project__entity=entity, birth__erased_at=None)
    manifests = Manifest.objects.filter(version__collection__project__entity=entity, version__erased_at=None)
    sizes = (rows.aggregate(n=Coalesce(Sum("blob__stored_size"), 0))["n"] for rows in (files, manifests))
    return Amount(found["n"], sum(sizes), found["since"])
