"""What a form says of a run, as a change of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from apps.core.errors import Invalid
from apps.core.marks import without_turning
from apps.runs.types import RunPatch

LONGEST_NAME = 1000
LONGEST_NOTES = 100_000


def patch_of(form: Mapping[str, str]) -> RunPatch:
    """Only what the form has. Tags stand in one line, with commas between them."""
    name, tags, notes = form.get("name"), form.get("tags"), form.get("notes")
    if wrong := wrong_with_name(name or ""):
        raise Invalid(wrong)
    if len(notes or "") > LONGEST_NOTES:
        raise Invalid(_("Notes have at most %(n)d letters.") % {"n": LONGEST_NOTES})
    return RunPatch(
        display_name=None if name is None else " ".join(name.split()),
        tags=None if tags is None else read_tags(tags),
        notes=None if notes is None else notes.replace("\r\n", "\n").strip(),
    )


def wrong_with_name(name: str) -> str:
    """Why a run cannot be called so, or nothing. A mark that nobody sees is not taken out of it without a word."""
    if len(name) > LONGEST_NAME:
        return _("A name has at most %(n)d letters.") % {"n": LONGEST_NAME}
    if without_turning(name) != name:
        return _("A name has no marks that turn text around.")
    return ""


def at_fault(form: Mapping[str, str]) -> str:
    """Which field of a form it is that could not be taken: the name and the notes are measured here, the tags with the run."""
    if wrong_with_name(form.get("name", "")):
        return "name"
    return "notes" if len(form.get("notes", "")) > LONGEST_NOTES else "tags"


def tag_line(tags: Sequence[str]) -> str:
    """The tags in one line; one that holds a comma stands in quotes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([" ".join(tag.split()) for tag in tags])
    return text.getvalue().replace(",", ", ") if not any("," in tag for tag in tags) else text.getvalue()


def read_tags(line: str) -> list[str]:
    """The tags in a line with commas between them, each once."""
    parts = next(csv.reader([" ".join(line.split())], skipinitialspace=True), [])
    return list(dict.fromkeys(tag for each in parts if (tag := each.strip())))
