"""One registry of what each model field is and with what it ends.

It feeds erasure, exports, the privacy map and the admin's field lists; a house test
fails while any field of any model is in none of the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Declaration:
    """The privacy classes of one model's fields, by field name."""

    model: type[Model]
    sealed: frozenset[str]  # content, encrypted under a key of the vault
    personal: frozenset[str]  # tells of a person: cleared when that person is erased
    plain: frozenset[str]  # ids, times, sizes, counts, states
    goes_with: str | None  # the field whose target's erasure ends this row; None: see the app's README

    @property
    def fields(self) -> frozenset[str]:
        return self.sealed | self.personal | self.plain


_registry: dict[type[Model], Declaration] = {}


def declare(
    model: type[Model],
    *,
    sealed: Iterable[str] = (),
    personal: Iterable[str] = (),
    plain: Iterable[str] = (),
    goes_with: str | None = None,
) -> None:
    """State the class of every field of `model`. A field in two classes is refused."""
    declaration = Declaration(model, frozenset(sealed), frozenset(personal), frozenset(plain), goes_with)
    if len(declaration.fields) != sum(
        map(len, (declaration.sealed, declaration.personal, declaration.plain))
    ):
        raise ValueError(f"{model.__name__}: a field is declared in two privacy classes")
    _registry[model] = declaration


def declared() -> dict[type[Model], Declaration]:
    return dict(_registry)


@dataclass(frozen=True, slots=True)
class Owed:
    """What somebody who takes their account along is told of one model's rows that are about them, and what not, and why."""

    model: type[Model]
    file: str  # of the export, without its ending; empty where nothing is told
    person: str  # how a row leads to its person
    by_id: bool  # to their opaque id, and not to their row
    told: tuple[str, ...]
    withheld: dict[str, str]

    @property
    def fields(self) -> frozenset[str]:
        """Those of which it says something. The field that leads to the person says: it is you."""
        return frozenset(self.told) | self.withheld.keys() | {self.person.partition("__")[0]}


_owed: list[Owed] = []
# Of any model: they say nothing of anybody.
_OF_NOBODY = {
    "id": "the number of a row",
    "uuid": "what sealed fields of the row are bound to",
    "row": "what sealed fields of the row are bound to",
    "vault_node": "the number of a key",
}


def owe(
    model: type[Model],
    file: str = "",
    *,
    person: str = "user",
    by_id: bool = False,
    told: Iterable[str] = (),
    withheld: Mapping[str, str] | None = None,
) -> None:
    """State what the export of an account holds of `model`. A house test asks it of every field that tells of a person."""
    names = {field.name for field in model._meta.get_fields()}
    reasons = {name: why for name, why in _OF_NOBODY.items() if name in names} | dict(withheld or {})
    _owed.append(Owed(model, file, person, by_id, tuple(told), reasons))


def owed() -> list[Owed]:
    return list(_owed)


# Every place that something may be written to, as the settings name it, and what may lie there.
PLACES = {
    "DATABASES.default": "all tables below but the vault's; the sealed fields in them are noise without the vault",
    "DATABASES.vault": "the vault's tables: keys, wrapped under keys, the topmost under the root key",
    "OWNLOG_DATA/blobs": "sealed files under random names: run files, segments of history, pieces of exports",
    "OWNLOG_VAULT_COPY": "the vault's rows once more: wrapped keys, useless without the root key; each epoch replaces it whole",
    "OWNLOG_KEY_DIR": "the root keys and the signing key, in files for the server's user only",
    "SESSION_ENGINE": "sessions, in the table below, sealed under the key that only the browser's cookie holds",
    "MESSAGE_STORAGE": "one-time notices, signed, in a cookie of the person's own browser; never content",
    "CACHES.default": "counts for throttling, and forms that showed a secret, in the table Tally under hashed names; never content",
    "CELERY_BROKER_URL": "names of tasks with row numbers, in the memory of the embedded broker",
    "EMAIL_BACKEND": "mail: links and the address it goes to; of content only what an alert says, to who switched that on; without a server no mail is made",
    "FILE_UPLOAD_HANDLERS": "memory only: no upload is written to a temporary file",
    "STORAGES.default": "nothing: no field uses it",
    "STORAGES.staticfiles": "style sheets, scripts and pictures of the pages",
    "LOGGING.handlers.stderr": "times, levels, names of routes, ids and types of errors; never a path, a body or a value",
}
