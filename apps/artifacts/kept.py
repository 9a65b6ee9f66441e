"""How much of artifacts one entity keeps, and of registries one organisation, as it is stored. For its owners."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce

from apps.artifacts.models import Alias, Collection, Link, Manifest, Promotion, Registry, StoredFile, Version
from apps.core.amounts import Amount, amount_of
from apps.projects.models import Project, ProjectMember, ProjectTeam
from apps.teams.models import Entity, Organisation


def kept_versions_of(entity: Entity) -> Amount:
    """For callers that asked the gate. Three questions; what is still uploaded counts as well."""
    versions = Version.objects.filter(collection__project__entity=entity)
    found = versions.aggregate(n=Count("pk"), since=Min("created_at"))
    files = StoredFile.objects.filter(project__entity=entity, birth__erased_at=None)
    manifests = Manifest.objects.filter(version__collection__project__entity=entity, version__erased_at=None)
    sizes = (rows.aggregate(n=Coalesce(Sum("blob__stored_size"), 0))["n"] for rows in (files, manifests))
    return Amount(found["n"], sum(sizes), found["since"])


@dataclass(frozen=True, slots=True)
class KeptRegistries:
    """Rows alone: the files stay with the teams whose they are."""

    registries: Amount  # with what was said of each, and who is named in it
    collections: Amount
    links: Amount  # with their aliases and what was done with them


def kept_registries_of(organisation: Organisation) -> KeptRegistries:
    """For callers that asked the gate. One question for each kind of row."""
    registries = Project.objects.filter(entity=organisation.entity_id)
    collections = Collection.objects.filter(project__in=registries)
    said = (
        amount_of(Registry.objects.filter(project__in=registries))
        + amount_of(ProjectMember.objects.filter(project__in=registries))
        + amount_of(ProjectTeam.objects.filter(project__in=registries))
    )
    found = amount_of(registries)
    links = amount_of(Link.objects.filter(collection__in=collections))
    aliases = amount_of(Alias.objects.filter(collection__in=collections))
    moves = amount_of(Promotion.objects.filter(collection__in=collections))
    return KeptRegistries(
        Amount(found.count, found.stored_bytes + said.stored_bytes),
        amount_of(collections),
        Amount(links.count, links.stored_bytes + aliases.stored_bytes + moves.stored_bytes),
    )
