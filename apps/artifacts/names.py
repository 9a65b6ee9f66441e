"""What collections, types, aliases and tags may be called. The client checks the same before it sends them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from apps.artifacts.types import LATEST, Part
from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch

LONGEST = 128
MOST_PARTS = 10_000
# As the client calls the project in which the links of a registry lie.
REGISTRY_PREFIX = "wandb-registry-"
_REGISTRY = re.compile(r"[A-Za-z0-9_.\-]{1,100}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}", re.ASCII)
_HEX_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NUMBERED = re.compile(r"v[0-9]+")
_MOST_WORDS = 1_000
_LONGEST_TEXT = 250_000
_MOST_METADATA = 4 * 1024 * 1024


def clean_collection(name: str) -> str:
    if _NAME.fullmatch(name) is None or name in {".", ".."}:
        raise Invalid(
            _("The name of an artifact has 1 to %(n)d letters, digits, dots, dashes and underscores.")
            % {"n": LONGEST}
        )
    return name


def clean_registry(name: str) -> str:
    """The name of the project of a registry that people call so; the prefix may stand there already."""
    name = name.removeprefix(REGISTRY_PREFIX).strip()
    if _REGISTRY.fullmatch(name) is None or name.strip(".") == "":
        raise Invalid(
            _("The name of a registry has 1 to %(n)d letters, digits, dots, dashes and underscores.")
            % {"n": 100}
        )
    return REGISTRY_PREFIX + name


def clean_type(name: str) -> str:
    if not name.strip() or not _is_word(name):
        raise Invalid(
            _("The type of an artifact has 1 to %(n)d letters, and no / or : in it.") % {"n": LONGEST}
        )
    return name


def clean_aliases(names: Iterable[str]) -> tuple[str, ...]:
    """Each once. `latest` is let through: it is moved to where it belongs."""
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if not name.strip() or not _is_word(name) or _NUMBERED.fullmatch(name):
            raise Invalid(
                _(
                    "An alias has 1 to %(n)d letters, and no / or : in it; v0, v1 and so on are given by the server."
                )
                % {"n": LONGEST}
            )
    if len(wanted) > _MOST_WORDS:
        raise Invalid(_("There may be at most %(n)d aliases.") % {"n": _MOST_WORDS})
    return wanted


def clean_tags(names: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(names))
    if any(not name.strip() or not _is_word(name) for name in wanted) or len(wanted) > _MOST_WORDS:
        raise Invalid(_("A tag has 1 to %(n)d letters, and no / or : in it.") % {"n": LONGEST})
    return wanted


def own_words(aliases: Iterable[str]) -> tuple[str, ...]:
    """Without the one that the server moves by itself."""
    return tuple(name for name in aliases if name != LATEST)


def check_text(text: str | None) -> None:
    if text is not None and len(text) > _LONGEST_TEXT:
        raise Invalid(_("A description has at most %(n)d letters.") % {"n": _LONGEST_TEXT})


def check_metadata(text: str | None) -> None:
    if text is None:
        return
    if len(text) > _MOST_METADATA:
        raise Invalid(_("The metadata has at most %(n)d MiB.") % {"n": _MOST_METADATA >> 20})
    if not isinstance(jsontext.loads(text), dict | type(None)):
        raise Invalid(_("The metadata must be the JSON text of an object."))


def _is_word(name: str) -> bool:
    return (
        len(name) <= LONGEST
        and "/" not in name
        and ":" not in name
        and not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    )


def check_parts(parts: Sequence[Part]) -> None:
    """Invalid unless these are the parts of a file: numbered from 1 without a gap, each with its MD5 in hexadecimal."""
    if len(parts) > MOST_PARTS:
        raise TooMuch(_("A file has at most %(n)d parts.") % {"n": MOST_PARTS})
    for number, each in enumerate(parts, 1):
        if each.number != number or not _HEX_MD5.fullmatch(each.md5_hex):
            raise Invalid(_("The parts of a file are numbered from 1, and each has its MD5 in hexadecimal."))
