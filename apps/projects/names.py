"""What a client or a person may call a project or a run."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

from apps.core.errors import Invalid

MOST_LETTERS = 128
# They have a meaning in URLs; the wandb client refuses them as well.
_FORBIDDEN = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")


def clean_name(name: str, *, what: str) -> str:
    """The name in NFC, or Invalid with the reason in the words of whoever chose it."""
    name = unicodedata.normalize("NFC", name).strip()
    what = {"project": _("project"), "run": _("run")}.get(what, what)
    if not name or name in {".", ".."}:
        raise Invalid(_("The %(what)s needs a name.") % {"what": what})
    if len(name) > MOST_LETTERS:
        raise Invalid(
            _("The name of the %(what)s is longer than %(n)d characters.") % {"what": what, "n": MOST_LETTERS}
        )
    if _FORBIDDEN.search(name):
        raise Invalid(
            _("The name of the %(what)s may not contain / \\ # ? %% : or control characters.")
            % {"what": what}
        )
    if any(unicodedata.category(letter) == "Cs" for letter in name):
        raise Invalid(_("The name of the %(what)s is not valid Unicode.") % {"what": what})
    return name
