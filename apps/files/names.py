from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

from apps.core.errors import Invalid

MOST_BYTES = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# `C:x` leads to the folder in which that drive stands just now, so it is no better than `C:\x`.
_DRIVE = re.compile(r"[A-Za-z]:")


def clean_file_name(name: str) -> str:
    """A relative path with / between folders, in NFC, or Invalid. Names are labels here: none reaches a file system."""
    name = unicodedata.normalize("NFC", name)
    if any(unicodedata.category(letter) == "Cs" for letter in name):
        raise Invalid(_("A file name is not valid Unicode."))
    if not name or len(name.encode()) > MOST_BYTES:
        raise Invalid(_("A file name has 1 to %(n)d bytes.") % {"n": MOST_BYTES})
    if _CONTROL.search(name):
        raise Invalid(_("A file name may not contain control characters."))
    parts = re.split(r"[/\\]", name)
    if name[0] in "/\\" or ".." in parts or _DRIVE.match(name):
        raise Invalid(_("A file name must be a relative path that does not lead out of its folder."))
    return name
