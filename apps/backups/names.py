"""Names, addresses and what else tells of somebody in words that the database holds in the clear: a backup's rows are without them.

They lie beside the rows, each value sealed under the key that is destroyed with its owner, and a restore opens those whose key there
still is. Which these are is what the privacy declarations say: nobody keeps a list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    Expression,
    F,
    Field,
    IntegerField,
    JSONField,
    Model,
    TextField,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce

from apps.accounts.models import User
from apps.accounts.names import NO_NAME
from apps.core.errors import NotFound
from apps.core.privacy import Declaration, declared
from apps.teams.models import Invitation, Organisation
from apps.teams.services import entity_of_registries
from apps.vault.erased import are_erased
from apps.vault.seal import seal_text, unseal_text
from apps.vault.tree import open_keys, operator_node
from apps.vault.types import OPERATOR_ID, NodeId

FILE = "names.sqlite3"
_AT_ONCE = 2_000
_KEY = "vault_node"
# How others lead to a key that goes when they are erased; of several the first that is there. Whatever has none goes with a row that has.
_HEADS: dict[type[Model], tuple[str, ...]] = {
    User: (f"entity__{_KEY}", f"service_account__entity__{_KEY}"),
    Organisation: (f"entity__{_KEY}",),
}
# What only the cookie of a browser opens names nobody, whatever else is opened.
_SHUT = {(Session, "session_data")}
# Of a week, and of people who need have no key here: an invitation comes back without the address to which it was sent.
_LEFT_OUT = {(Invitation, "sealed_email")}
_WORDLESS = (BooleanField, DateField, IntegerField)

# Asks for columns of text, and how many they are, as of the moment of the backup.
Ask = Callable[[str, int], Iterator[tuple[Any, ...]]]
Batch = tuple[type[Model], "Field[Any, Any]", list[tuple[str, str]]]  # what it says, and in which row


@dataclass(frozen=True, slots=True)
class Named:
    """A table with columns that tell of somebody in words, and how its rows lead to their keys."""

    model: type[Model]
    fields: tuple[Field[Any, Any], ...]
    keys: tuple[str, ...]
    erased_at: str

    @property
    def table(self) -> str:
        return str(self.model._meta.db_table)

    def instead(self, column: str) -> str:
        """What the copy has in its place, in SQL: as unique as it was, and nobody's."""
        field = next(each for each in self.fields if _column(each) == column)
        return f"CASE WHEN {self._stays(field)} THEN {self._column(field)} ELSE {self._nobody(field)} END"

    def query(self) -> str:
        """Of all rows their number, key and whether they are being erased, then each of the columns, or NULL where it stays."""
        keys = [F(path) for path in self.keys]
        key = Coalesce(*keys) if len(keys) > 1 else keys[0]
        asked: list[Expression] = [Cast(each, TextField()) for each in (F("pk"), key, F(self.erased_at))]
        asked += [RawSQL(self._word(field), ()) for field in self.fields]  # noqa: S611  (names of columns)
        rows = self.model._base_manager.order_by().values_list(*asked)
        sql, parameters = rows.query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        assert not parameters, "it is copied out, which takes none"
        return str(sql)

    def _word(self, field: Field[Any, Any]) -> str:
        return f"CASE WHEN {self._stays(field)} THEN NULL ELSE CAST({self._column(field)} AS text) END"

    def _stays(self, field: Field[Any, Any]) -> str:
        column = self._column(field)
        if isinstance(field, JSONField):
            return f"({column} IS NULL OR CAST({column} AS text) IN ('{{}}', '[]'))"
        stays = f"{column} IS NULL OR {column} = ''"
        if any(each.name == "public_id" for each in self.model._meta.fields):
            stays += f""" OR {column} = '{NO_NAME}' || "{self.table}"."public_id\""""
        return f"({stays})"

    def _nobody(self, field: Field[Any, Any]) -> str:
        if isinstance(field, JSONField):
            return f"CAST('{{}}' AS {field.db_type(connections[DEFAULT_DB_ALIAS])})"
        # A password that is none stays none: a service has to have such a one. No name begins so.
        start = f"CASE WHEN substr({self._column(field)}, 1, 1) = '!' THEN '!' ELSE '-' END"
        return f'{start} || CAST("{self.table}"."{self.model._meta.pk.column}" AS text)'

    def _column(self, field: Field[Any, Any]) -> str:
        return f'"{self.table}"."{_column(field)}"'


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What has no name in a backup, or not under a key that ends with it."""

    keyless: frozenset[type[Model]]  # of which something lies under the operators' key, which no erasure ends
    is_erased_since: (
        bool  # somebody, whose key the backup's own vault has: by that they would come back without a name
    )

    @property
    def has_new_organisation(self) -> bool:
        """One that was founded a moment before, and had no key yet to seal its name under."""
        return Organisation in self.keyless


def named() -> dict[str, Named]:
    """By table. LookupError where a row would lead to no key, or a column holds what nothing can be put in the place of."""
    found = {}
    for model, declaration in declared().items():
        if fields := tuple(_in_words(declaration)):
            keys, erased_at = _path_to_key(model)
            found[str(model._meta.db_table)] = Named(model, fields, keys, erased_at)
    return found


def left_out() -> dict[str, set[str]]:
    """Columns, by table, that are empty in a backup."""
    return {model._meta.db_table: {_column(model._meta.get_field(name))} for model, name in _LEFT_OUT}


def _in_words(declaration: Declaration) -> Iterator[Field[Any, Any]]:
    for name in sorted(declaration.personal):
        field = declaration.model._meta.get_field(name)
        if field.is_relation or (declaration.model, name) in _SHUT:
            continue
        assert isinstance(field, Field)
        if field.choices or isinstance(field, _WORDLESS):
            continue
        has_room = isinstance(field, (TextField, JSONField)) or (
            isinstance(field, CharField) and (field.max_length or 0) >= len(f"-{2**63}")
        )
        if not has_room:
            raise LookupError(
                f"{field} tells of a person, and nothing is known to stand in its place in a backup."
            )
        yield field


def _path_to_key(model: type[Model]) -> tuple[tuple[str, ...], str]:
    """From a row to its key, and to when what it is about was erased."""
    here, before = model, ""
    while here not in _HEADS and not _has(here, _KEY):
        goes_with = declared()[here].goes_with
        if goes_with is None:
            raise LookupError(f"{model.__name__} tells of people, and no key goes when they are erased.")
        before += f"{goes_with}__"
        here = here._meta.get_field(goes_with).related_model  # type: ignore[assignment]
    keys = _HEADS.get(here, (_KEY,))
    return tuple(before + key for key in keys), f"{before}erased_at"


def _has(model: type[Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.fields)


def give_keys() -> None:
    """To organisations, which have none before their first registry; and the operators' own, for whoever has no other. Before the
    moment of a backup: its vault is to have them."""
    operator_node()
    for organisation in list(Organisation.objects.filter(entity=None).order_by("pk")):
        with suppress(Organisation.DoesNotExist, NotFound):  # closed meanwhile: it has got one for that
            entity_of_registries(organisation)


def write(folder: Path, ask: Ask) -> Unsealed:
    """Seal all of them into a file of the backup; what could not be sealed as it should."""
    keyless, gone = set[type[Model]](), set[NodeId]()
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as there:
        there.execute("PRAGMA journal_mode=OFF")  # a backup that breaks off is thrown away
        there.execute("PRAGMA synchronous=OFF")
        there.execute("BEGIN")
        there.execute(
            "CREATE TABLE word (of_table TEXT, of_column TEXT, row TEXT, owner TEXT, sealed BLOB, "
            "PRIMARY KEY (of_table, of_column, row)) WITHOUT ROWID"
        )
        for each in named().values():
            for some in _batches(ask(each.query(), 3 + len(each.fields))):
                there.executemany("INSERT INTO word VALUES (?, ?, ?, ?, ?)", _sealed(each, some, gone))
                if any(owner is None and erased_at is None for _, owner, erased_at, *_ in some):
                    keyless.add(each.model)
        there.execute("COMMIT")
    return Unsealed(frozenset(keyless), bool(gone) and are_erased(gone))


def _sealed(
    these: Named, rows: list[tuple[Any, ...]], gone: set[NodeId]
) -> Iterator[tuple[str, str, str, str, bytes]]:
    """Without what has no key by now, though nobody had erased it at the moment of the backup: it is in `gone`."""
    owners = {row: _owner(key, erased_at) for row, key, erased_at, *_ in rows}
    keys = open_keys(owner for owner in owners.values() if owner is not None)
    for row, _, erased_at, *words in rows:
        owner = owners[row]
        if owner is None or owner not in keys:
            if owner is not None and erased_at is None:
                gone.add(owner)
            continue
        for field, word in zip(these.fields, words, strict=True):
            if word is not None:
                sealed = seal_text(
                    keys[owner],
                    word,
                    label=_label(these.table, _column(field)),
                    row=owner,
                    place=row.encode(),
                )
                yield these.table, _column(field), row, owner.hex, sealed


def _owner(key: str | None, erased_at: str | None) -> NodeId | None:
    if key is not None:
        return NodeId(UUID(key))
    return None if erased_at else OPERATOR_ID


def opened(folder: Path) -> Iterator[Batch]:
    """Whatever of a backup has its key in the vault that is here, so many at once."""
    columns = {
        (each.table, _column(field)): (each.model, field)
        for each in named().values()
        for field in each.fields
    }
    uri = f"{(folder / FILE).resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as there:
        for (table, column), (model, field) in columns.items():
            asked = "SELECT row, owner, sealed FROM word WHERE of_table = ? AND of_column = ?"
            for some in _batches(there.execute(asked, [table, column])):
                keys = open_keys(NodeId(UUID(owner)) for _, owner, _ in some)
                found = [(word, row) for row, word in _unsealed(some, keys, _label(table, column))]
                if found:
                    yield model, field, found


def _unsealed(rows: Iterable[tuple[str, str, bytes]], keys: Any, label: str) -> Iterator[tuple[str, str]]:
    for row, owner, sealed in rows:
        node = NodeId(UUID(owner))
        if node in keys:
            yield row, unseal_text(keys[node], sealed, label=label, row=node, place=row.encode())


def _column(field: Any) -> str:
    return str(field.column)


def _label(table: str, column: str) -> str:
    return f"backup.{table}.{column}"


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    source = iter(rows)
    while some := list(islice(source, _AT_ONCE)):
        yield some
