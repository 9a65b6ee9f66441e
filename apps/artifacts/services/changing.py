"""What is changed of a version that is there: its words, its aliases, which runs read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.artifacts.names import check_metadata, check_text, clean_aliases, clean_tags, own_words
from apps.artifacts.queries.lives import stored_ttl
from apps.artifacts.queries.versions import NO_ARTIFACT, open_version, version_key, whose, words_of
from apps.artifacts.services.collections import drop_aliases, move_aliases
from apps.artifacts.services.uploads import link_run, sealed_words
from apps.artifacts.types import OpenVersion, RunRole, VersionPatch, VersionState
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Changed, NotFound
from apps.runs.models import Run


@transaction.atomic
def update_version(
    version: Version, patch: VersionPatch, *, by: Actor, only_if: Callable[[OpenVersion], bool] | None = None
) -> OpenVersion:
    """Change what is said of a version that was fetched with the permission to.

    Changed when it no longer stands as `only_if` has it.
    """
    check_text(patch.description)
    check_metadata(patch.metadata_text)
    row = _locked(version)
    if only_if is not None and not only_if(open_version(row)):
        raise Changed(_("The version has changed since you read it. Read it again, then change it."))
    key = version_key(row)
    words = words_of(row, key)
    gone = set(patch.remove_tags)
    words = replace(
        words,
        description=words.description if patch.description is None else patch.description,
        metadata_text=words.metadata_text if patch.metadata_text is None else patch.metadata_text,
        tags=clean_tags([*(tag for tag in words.tags if tag not in gone), *patch.add_tags]),
    )
    row.sealed_words = sealed_words(row, key, words)
    if patch.ttl_seconds is not None:
        row.ttl_seconds = stored_ttl(patch.ttl_seconds)
    row.updated_at = clock.now()
    row.save(update_fields=["sealed_words", "ttl_seconds", "updated_at"])
    if patch.aliases is not None and row.state == VersionState.COMMITTED:
        _replace_aliases(row, clean_aliases(patch.aliases))
    record(EventKind.ARTIFACT_CHANGED, **whose(row), by=by)
    return open_version(row)


def _locked(version: Version) -> Version:
    rows = Version.objects.select_for_update(of=("self",)).select_related("collection__project__entity")
    row = rows.exclude(state=VersionState.DELETED).filter(pk=version.pk).first()
    if row is None:
        raise NotFound(NO_ARTIFACT)
    return row


def _replace_aliases(version: Version, wanted: Sequence[str]) -> None:
    """The words that people chose are these from now on; `latest` stays where it is."""
    before = own_words(open_version(version).aliases)
    drop_aliases(version.collection, version, [alias for alias in before if alias not in wanted])
    move_aliases(version.collection, version, own_words(wanted))


@transaction.atomic
def add_aliases(version: Version, aliases: Sequence[str], *, by: Actor) -> None:
    """Let these words lead to a committed version that was fetched with the permission to."""
    move_aliases(version.collection, version, own_words(clean_aliases(aliases)))
    _note(version, by)


@transaction.atomic
def remove_aliases(version: Version, aliases: Sequence[str], *, by: Actor) -> None:
    """Let these words lead to it no more. `latest` is the server's: it stays."""
    drop_aliases(version.collection, version, own_words(aliases))
    _note(version, by)


def _note(version: Version, by: Actor) -> None:
    Version.objects.filter(pk=version.pk).update(updated_at=clock.now())
    record(EventKind.ARTIFACT_CHANGED, **whose(version), by=by)


def use_version(run: Run, version: Version) -> None:
    """Note that a run reads a version. Both were fetched: the run to write, the version to read."""
    link_run(run, version, RunRole.INPUT)
