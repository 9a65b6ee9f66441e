"""What the instance holds of somebody, of a team or of an organisation, in numbers beside the words of the page on privacy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.queries import user_of
from apps.artifacts.kept import kept_registries_of, kept_versions_of
from apps.core.amounts import Amount
from apps.files.kept import Kept, kept_of
from apps.plans.queries import kept_requests_of
from apps.projects.stored import bytes_of
from apps.teams.queries import entities_where
from apps.teams.queries.held import PlaceRows, rows_of_account, rows_of_place
from apps.web.figures import grouped
from apps.web.holdings import HOLDINGS, Holding
from apps.web.links import entity_url

if TYPE_CHECKING:
    from apps.teams.models import Entity, Organisation


@dataclass(frozen=True, slots=True)
class Now:
    """One figure of a class of data."""

    words: str
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One class of data with what there is of it now."""

    holding: Holding
    now: list[Now]
    since: datetime | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Another entity whose data the asker answers for."""

    name: str
    url: str
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Whole:
    """The page of one person, team or organisation."""

    url: str
    stored_bytes: int
    held: list[Held]
    seen_by: list[str]
    places: list[Place]


def whole_of(actor: Actor, entity: Entity) -> Whole:
    """What is held in an entity that the actor administers; of their own the account as well."""
    kept, is_own = kept_of(entity), entity.user_id is not None
    versions = kept_versions_of(entity)
    besides = [*_requests(actor), _account(actor)] if is_own else [_team(entity)]
    return Whole(
        entity_url(entity.name),
        kept.stored_bytes + versions.stored_bytes + _bytes_of(besides),
        [*_content(kept, versions), *besides],
        [_seen_by(each, n) for each, n in sorted(kept.seen_by.items())],
        _others(actor) if is_own else [],
    )


def whole_of_organisation(organisation: Organisation) -> Whole:
    """What is held in an organisation that the asker administers. Its teams have pages of their own."""
    held = [_organisation(organisation)]
    return Whole(f"/organisations/{organisation.name}", _bytes_of(held), held, [], [])


def _bytes_of(held: list[Held]) -> int:
    return sum(figure.stored_bytes or 0 for each in held for figure in each.now)


def _content(kept: Kept, versions: Amount) -> list[Held]:
    partial = (
        _("Only the newest files were told apart by name; older ones count as files.")
        if kept.is_partial
        else ""
    )
    unsorted = _(
        "Which of these are training data and which are models nobody but you knows: they are counted together."
    )
    files = [
        *_figure(versions, _versions(versions.count)),
        *_figure(kept.files, _files(kept.files.count)),
    ]
    since = (kept.files + versions).since
    config = [
        *_figure(kept.projects, _projects(kept.projects.count)),
        *_figure(kept.runs, _runs(kept.runs.count)),
        *_figure(kept.about, _files(kept.about.count)),
    ]
    return [
        Held(_holding("training-data"), files, since, unsorted),
        Held(_holding("code"), _figure(kept.code, _files(kept.code.count)), kept.code.since, partial),
        Held(_holding("config"), config, (kept.projects + kept.runs + kept.about).since),
        Held(_holding("metrics"), _figure(kept.lines, _lines(kept.lines.count)), kept.lines.since),
        Held(_holding("analysis"), _figure(kept.media, _files(kept.media.count)), kept.media.since),
        Held(_holding("models"), files, since, unsorted),
    ]  # fmt: skip


def _requests(actor: Actor) -> list[Held]:
    requests = kept_requests_of(actor)
    figures = _figure(requests, ngettext("%(n)s request", "%(n)s requests", requests.count))
    return [Held(_holding("plan-request"), figures, requests.since)] if figures else []


def _account(actor: Actor) -> Held:
    user = user_of(actor)
    rows = rows_of_account(user)
    figures = [
        Now(_("name, address and the hash of the password"), rows.person.stored_bytes),
        *_figure(rows.api_keys, ngettext("%(n)s API key", "%(n)s API keys", rows.api_keys.count)),
        *_figure(rows.networks, ngettext("%(n)s network of a key", "%(n)s networks of keys", rows.networks.count)),
        *_figure(rows.devices, ngettext("%(n)s signed-in device", "%(n)s signed-in devices", rows.devices.count)),
        *_figure(rows.links, ngettext("%(n)s linked account", "%(n)s linked accounts", rows.links.count)),
        *_figure(rows.factors, ngettext("%(n)s second step or passkey", "%(n)s second steps and passkeys", rows.factors.count)),
        *_figure(rows.places, ngettext("%(n)s place in a team or organisation", "%(n)s places in teams and organisations", rows.places.count)),
        *_figure(rows.settings, _settings(rows.settings.count)),
        *_figure(rows.acts, ngettext("%(n)s line on your record", "%(n)s lines on your record", rows.acts.count)),
    ]  # fmt: skip
    return Held(_holding("account"), figures, user.created_at)


def _team(team: Entity) -> Held:
    return Held(_holding("team"), _people(rows_of_place(team)), team.created_at)


def _organisation(organisation: Organisation) -> Held:
    kept = kept_registries_of(organisation)
    figures = [
        *_people(rows_of_place(organisation)),
        *_figure(kept.registries, ngettext("%(n)s registry", "%(n)s registries", kept.registries.count)),
        *_figure(kept.collections, ngettext("%(n)s collection", "%(n)s collections", kept.collections.count)),
        *_figure(kept.links, ngettext("%(n)s link", "%(n)s links", kept.links.count)),
    ]
    return Held(_holding("organisation"), figures, organisation.created_at)


def _people(rows: PlaceRows) -> list[Now]:
    return [
        *_figure(rows.people, ngettext("%(n)s person", "%(n)s people", rows.people.count)),
        *_figure(rows.invitations, ngettext("%(n)s invitation", "%(n)s invitations", rows.invitations.count)),
        *_figure(rows.services, ngettext("%(n)s service account", "%(n)s service accounts", rows.services.count)),
        *_figure(rows.settings, _settings(rows.settings.count)),
        *_figure(rows.acts, ngettext("%(n)s line on its record", "%(n)s lines on its record", rows.acts.count)),
    ]  # fmt: skip


def _others(actor: Actor) -> list[Place]:
    """Every team that the actor administers, the largest first."""
    teams = [each for each in entities_where(actor, Permission.ENTITY_ADMIN) if each.user_id is None]
    sizes = bytes_of(teams)
    found = [Place(each.name, f"/teams/{each.name}/data", sizes[each.pk]) for each in teams]
    return sorted(found, key=lambda place: -place.stored_bytes)


def _holding(slug: str) -> Holding:
    return next(each for each in HOLDINGS if each.slug == slug)


def _figure(amount: Amount, words: str) -> list[Now]:
    """`words` have a place for the number."""
    return [Now(words % {"n": grouped(amount.count)}, amount.stored_bytes)] if amount.count else []


def _versions(n: int) -> str:
    return ngettext("%(n)s artifact version", "%(n)s artifact versions", n)


def _files(n: int) -> str:
    return ngettext("%(n)s file", "%(n)s files", n)


def _runs(n: int) -> str:
    return ngettext("%(n)s run", "%(n)s runs", n)


def _projects(n: int) -> str:
    return ngettext("%(n)s project", "%(n)s projects", n)


def _lines(n: int) -> str:
    return ngettext("%(n)s line", "%(n)s lines", n)


def _settings(n: int) -> str:
    return ngettext("%(n)s setting", "%(n)s settings", n)


def _seen_by(visibility: Visibility, n: int) -> str:
    words = {
        Visibility.PRIVATE: ngettext("%(n)s private project", "%(n)s private projects", n),
        Visibility.RESTRICTED: ngettext("%(n)s restricted project", "%(n)s restricted projects", n),
        Visibility.PUBLIC: ngettext("%(n)s public project", "%(n)s public projects", n),
        Visibility.OPEN: ngettext("%(n)s open project", "%(n)s open projects", n),
    }
    return words[visibility] % {"n": grouped(n)}
