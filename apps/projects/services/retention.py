from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.core.errors import Forbidden, Invalid
from apps.projects.gate import require
from apps.projects.models import Project
from apps.projects.queries import locked_project
from apps.projects.retention import SETTING, retention_of
from apps.projects.services.projects import note
from apps.teams.choices import UNSET, read, write


def choose_retention(project: Project, days: int | None, *, by: Actor) -> None:
    """Erase this project's runs so many days after their end; None: never, whatever its entity has chosen.

    Forbidden where an organisation enforces fewer days. (An entity's own choice: `teams.services.choose`.)
    """
    if isinstance(days, bool):
        raise Invalid(_("This is not a value of this setting."))
    word = write(SETTING, days)
    read(SETTING, word)
    _set(project, word, by=by)


def unset_retention(project: Project, *, by: Actor) -> None:
    """Take the project's choice back: its runs are kept as its entity has it."""
    _set(project, "", by=by)


@transaction.atomic
def _set(project: Project, word: str, *, by: Actor) -> None:
    project = locked_project(project)
    require(by, Permission.PROJECT_ADMIN, project)
    held = retention_of([project])[project.pk]
    if word and not held.allows(read(SETTING, word)):
        raise Forbidden(
            _("The organisation %(name)s has fixed this for its teams.") % {"name": held.entity.organisation}
        )
    if project.run_retention == word:
        return
    before, project.run_retention = project.run_retention, word
    project.save(update_fields=["run_retention"])
    changed = {"setting": SETTING.value, "before": before or UNSET, "after": word or UNSET}
    note(EventKind.SETTING_CHANGED, project, by=by, **changed)
