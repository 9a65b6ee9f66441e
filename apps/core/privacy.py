"""One registry of what each model field is and with what it ends.

It feeds erasure, exports, the privacy map and the admin's field lists; a house test
fails while any field of any model is in none of the classes.
"""

from __future__ import annotations

from collections.abc import Iterable
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
