"""Who can see a project and how what a page shows is encrypted, from the facts of this request."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Role, Visibility, allows
from apps.accounts.actors import Actor
from apps.projects.gate import role_in_project
from apps.projects.queries import entities_named_in, named_counts
from apps.teams.queries import hidden_from, role_counts

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject

Scope = Literal["project", "run"]
Way = Literal["tls", "machine", "open"]
_OUTSIDE = frozenset({Visibility.PUBLIC, Visibility.OPEN})
_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")


class Audience:
    """How many people can see a project. Asks a few times for all that may stand in the asker's lists, once for each other."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._counts: dict[int, Counter[Role]] = {}
        self._named: dict[int, int] = {}

    def people(self, opened: OpenProject) -> int | None:
        """None for what is one person's own, and for what anybody can see."""
        project, visibility = opened.project, opened.visibility
        is_personal = project.entity.user_id is not None
        if visibility in _OUTSIDE or (is_personal and visibility is Visibility.PRIVATE):
            return None
        if visibility is Visibility.RESTRICTED:
            admins = 1 if is_personal else self.team_of(project)[Role.ADMIN]
            return admins + self.named_in(project)
        return sum(
            n
            for role, n in self.team_of(project).items()
            if allows(Permission.PROJECT_READ, role=role, visibility=visibility)
        )

    def is_guest(self, project: Project) -> bool:
        """Does the asker see the project by a share link alone?"""
        return bool(self._actor.shares) and role_in_project(self._actor, project) is Role.GUEST

    def hides_owner(self, project: Project) -> bool:
        """Is it the project of a person whose own page the asker does not find?"""
        return bool(hidden_from(self._actor, [project.entity.user_id]))

    def team_of(self, project: Project) -> Counter[Role]:
        """How many people hold each role in the team that owns the project."""
        if project.entity_id not in self._counts:
            # A second team that is not one's own: so there is a list, and all of its teams are asked for at once.
            others = entities_named_in(self._actor) if self._counts else []
            self._counts |= role_counts(self._actor, project.entity, *others)
        return self._counts[project.entity_id]

    def named_in(self, project: Project) -> int:
        """How many people are named in the project, beside those who see it anyway."""
        if project.pk not in self._named:
            self._named |= named_counts(self._actor, project)
        return self._named[project.pk]


def way_here(request: HttpRequest) -> Way:
    """How this page travels: by TLS, within the machine on which it is looked at, or for others on the way to read."""
    if request.is_secure():
        return "tls"
    try:
        host = request.get_host()
    except DisallowedHost:
        return "open"
    return "machine" if host.rpartition(":")[0] in _THIS_MACHINE or host in _THIS_MACHINE else "open"


def lock_sentence(scope: Scope, way: Way) -> str:
    """Under whose key what the page shows is stored, and what guards it on its way. Each sentence whole, to be translated."""
    sentences = {
        "project": {
            "tls": _(
                "Encrypted under this project’s own key before it reaches the disk, and by TLS on its way here."
            ),
            "machine": _(
                "Encrypted under this project’s own key before it reaches the disk; "
                "without TLS, but within this machine."
            ),
            "open": _(
                "Encrypted under this project’s own key before it reaches the disk, "
                "but not on its way here: this address has no TLS."
            ),
        },
        "run": {
            "tls": _(
                "Encrypted under this run’s own key before it reaches the disk, and by TLS on its way here."
            ),
            "machine": _(
                "Encrypted under this run’s own key before it reaches the disk; "
                "without TLS, but within this machine."
            ),
            "open": _(
                "Encrypted under this run’s own key before it reaches the disk, "
                "but not on its way here: this address has no TLS."
            ),
        },
    }
    return sentences[scope][way]
