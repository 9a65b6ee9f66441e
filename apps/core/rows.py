"""Single rows by statements that are put together once for each shape: for the path that every logged line takes.

Django writes each statement anew, which takes several times as long as a database needs to answer it. What is not asked
for some hundred times a second is better asked for through a queryset.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

from django.db import DatabaseError, connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

_M = TypeVar("_M", bound=models.Model)
_Field: TypeAlias = "models.Field[Any, Any]"


class _Part(NamedTuple):
    """One table of a statement: its columns stand side by side in each row that comes back."""

    model: type[models.Model]
    names: list[str]
    columns: slice
    link: tuple[int, str] | None  # from the row of which part, by which foreign key


class _Select(NamedTuple):
    sql: str
    asked: list[_Field]
    parts: list[_Part]
    converters: list[tuple[int, Any, list[Callable[..., Any]]]]  # of the columns that need any


class _Change(NamedTuple):
    sql: str
    fields: list[_Field]
    asked: list[_Field]


def find_row(
    model: type[_M],
    *,
    lock: bool = False,
    without: tuple[str, ...] = (),
    along: tuple[str, ...] = (),
    **equal: Any,
) -> _M | None:
    """The row whose columns equal these values, or None. A field named in `without` is read when it is first used.

    `along` names foreign keys whose rows come with it, as `select_related` does; a longer path after the shorter. What
    `without` names of their fields has their path before it: `version__sealed_words`.
    """
    return next(iter(find_rows(model, lock=lock, without=without, along=along, **equal)), None)


def find_rows(
    model: type[_M],
    *,
    lock: bool = False,
    without: tuple[str, ...] = (),
    along: tuple[str, ...] = (),
    **equal: Any,
) -> list[_M]:
    """All rows whose columns equal these values, in no order. `lock` is for the rest of the transaction."""
    connection = _connection_of(model)
    select = _select(model, tuple(equal), without, along, connection.alias, lock=lock)
    values = [
        field.get_db_prep_value(value, connection)
        for field, value in zip(select.asked, equal.values(), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(select.sql, values)
        found = cursor.fetchall()
    return [_made(select, _converted(select, row, connection), connection.alias) for row in found]


def sum_of(model: type[models.Model], name: str, **equal: Any) -> int:
    """The sum of a column over the rows whose columns equal these values; 0 where there are none."""
    connection = _connection_of(model)
    sql, asked = _sum(model, name, tuple(equal), connection.alias)
    values = [
        field.get_db_prep_value(value, connection) for field, value in zip(asked, equal.values(), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        (found,) = cursor.fetchone()
    return int(found or 0)


def insert_row(row: models.Model) -> None:
    """Store a new row, whose primary key the database chooses and nobody here learns."""
    connection = _connection_of(type(row))
    sql, fields, _ = _insert(type(row), connection.alias)
    with connection.cursor() as cursor:
        cursor.execute(sql, _values_of(row, fields, connection))


def update_row(row: models.Model, names: Collection[str]) -> None:
    """Store these fields of a row that is there."""
    connection = _connection_of(type(row))
    sql, fields = _update(type(row), tuple(sorted(names)), connection.alias)
    with connection.cursor() as cursor:
        cursor.execute(sql, _values_of(row, fields, connection))
        if cursor.rowcount != 1:
            raise DatabaseError("The row to be changed is not there.")


def change_row(
    row: models.Model,
    names: Collection[str],
    *,
    was: dict[str, Any],
    alone: tuple[type[models.Model], str] | None = None,
    new: Sequence[models.Model] = (),
) -> bool:
    """Store these fields of a row, and new rows with it, all or nothing. False, and nothing, when the row is not as it `was`.

    `alone` is a foreign key to the row that no row may have, if any. PostgreSQL does it by one statement, which is a transaction of
    its own: nothing stays locked while the two talk.
    """
    connection = _connection_of(type(row))
    known = tuple((name, value is None) for name, value in was.items())
    change = _change(type(row), tuple(sorted(names)), known, alone, connection.alias)
    asked = (row.pk, *(value for value in was.values() if value is not None), *([row.pk] if alone else ()))
    values = _values_of(row, change.fields, connection)
    values += [
        field.get_db_prep_value(value, connection) for field, value in zip(change.asked, asked, strict=True)
    ]
    if not new:
        with connection.cursor() as cursor:
            cursor.execute(change.sql, values)
            return bool(cursor.rowcount == 1)
    statements = [_insert(type(each), connection.alias) for each in new]
    inserted = [
        _values_of(each, fields, connection) for each, (_, fields, _) in zip(new, statements, strict=True)
    ]
    if connection.vendor != "postgresql":
        with transaction.atomic(using=connection.alias, savepoint=False), connection.cursor() as cursor:
            cursor.execute(change.sql, values)
            if cursor.rowcount != 1:
                return False
            for (sql, _, _), each in zip(statements, inserted, strict=True):
                cursor.execute(sql, each)
        return True
    parts = [f"changed AS ({change.sql} RETURNING 1)"]
    parts += [f"new{number} AS ({head} FROM changed)" for number, (_, _, head) in enumerate(statements)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {', '.join(parts)} SELECT count(*) FROM changed",  # noqa: S608
            [*values, *(value for each in inserted for value in each)],
        )
        (changed,) = cursor.fetchone()
    return bool(changed)


def _connection_of(model: type[models.Model]) -> BaseDatabaseWrapper:
    return connections[router.db_for_write(model)]


def _converted(select: _Select, row: Sequence[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    values = list(row)
    for place, column, converters in select.converters:
        for convert in converters:
            values[place] = convert(values[place], column, connection)
    return values


def _made(select: _Select, values: list[Any], alias: str) -> Any:
    """The first part's row, which holds those of the others."""
    rows: list[models.Model] = []
    for part in select.parts:
        row = part.model.from_db(alias, part.names, values[part.columns])
        if part.link is not None:
            setattr(rows[part.link[0]], part.link[1], row)
        rows.append(row)
    return rows[0]


def _values_of(row: models.Model, fields: list[_Field], connection: BaseDatabaseWrapper) -> list[Any]:
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]


# Names of tables and columns come from models, never from a request.
@cache
def _select(
    model: type[models.Model],
    names: tuple[str, ...],
    without: tuple[str, ...],
    along: tuple[str, ...],
    alias: str,
    *,
    lock: bool,
) -> _Select:
    connection, asked = connections[alias], [_field(model, name) for name in names]
    tables, columns = f"{_table(model, alias)} AS t0", _of_table(model, 0, without)
    parts = [_Part(model, [field.attname for _, field in columns], slice(0, len(columns)), None)]
    for number, path in enumerate(along, 1):
        above, _, name = path.rpartition("__")
        holder = along.index(above) + 1 if above else 0
        key = _field(parts[holder].model, name)
        assert not key.null, "what need not be there would keep the whole row away"
        other = key.related_model
        assert other is not None
        own = _of_table(other, number, tuple(each.removeprefix(f"{path}__") for each in without))
        parts.append(
            _Part(
                other,
                [field.attname for _, field in own],
                slice(len(columns), len(columns) + len(own)),
                (holder, name),
            )
        )
        columns += own
        tables += (
            f" JOIN {_table(other, alias)} AS t{number}"
            f" ON t{number}.{_quoted(_field(other, 'pk'), alias)} = t{holder}.{_quoted(key, alias)}"
        )
    listed = ", ".join(f"t{number}.{_quoted(field, alias)}" for number, field in columns)
    where = " AND ".join(f"t0.{_quoted(field, alias)} = %s" for field in asked)
    sql = f"SELECT {listed} FROM {tables} WHERE {where}"  # noqa: S608
    if lock and connection.features.has_select_for_update:
        # SQLite has one writer at a time: a transaction that writes has locked everything.
        sql += " FOR UPDATE OF t0"
    converters = []
    for place, (_, field) in enumerate(columns):
        column = field.get_col(field.model._meta.db_table)
        if needed := connection.ops.get_db_converters(column) + column.get_db_converters(connection):
            converters.append((place, column, needed))
    return _Select(sql, asked, parts, converters)


def _of_table(
    model: type[models.Model], number: int, without: tuple[str, ...] = ()
) -> list[tuple[int, _Field]]:
    return [(number, field) for field in model._meta.concrete_fields if field.name not in without]


@cache
def _sum(
    model: type[models.Model], name: str, names: tuple[str, ...], alias: str
) -> tuple[str, list[_Field]]:
    asked = [_field(model, each) for each in names]
    where = " AND ".join(f"{_quoted(field, alias)} = %s" for field in asked)
    sql = f"SELECT SUM({_quoted(_field(model, name), alias)}) FROM {_table(model, alias)} WHERE {where}"  # noqa: S608
    return sql, asked


@cache
def _insert(model: type[models.Model], alias: str) -> tuple[str, list[_Field], str]:
    """The statement, its fields, and the same as a question that further tables can be asked for."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    places = ", ".join(["%s"] * len(fields))
    head = f"INSERT INTO {_table(model, alias)} ({_listed(fields, alias)})"
    return f"{head} VALUES ({places})", fields, f"{head} SELECT {places}"


@cache
def _change(
    model: type[models.Model],
    names: tuple[str, ...],
    was: tuple[tuple[str, bool], ...],  # which must be null rather than equal
    alone: tuple[type[models.Model], str] | None,
    alias: str,
) -> _Change:
    sql, (*fields, key) = _update(model, names, alias)
    known = [(_field(model, name), is_null) for name, is_null in was]
    for field, is_null in known:
        sql += f" AND {_quoted(field, alias)} {'IS NULL' if is_null else '= %s'}"
    asked = [key, *(field for field, is_null in known if not is_null)]
    if alone is not None:
        asked.append(link := _field(*alone))
        sql += f" AND NOT EXISTS (SELECT 1 FROM {_table(alone[0], alias)} WHERE {_quoted(link, alias)} = %s)"  # noqa: S608
    return _Change(sql, fields, asked)


@cache
def _update(model: type[models.Model], names: tuple[str, ...], alias: str) -> tuple[str, list[_Field]]:
    fields, key = [_field(model, name) for name in names], _field(model, "pk")
    changes = ", ".join(f"{_quoted(field, alias)} = %s" for field in fields)
    sql = f"UPDATE {_table(model, alias)} SET {changes} WHERE {_quoted(key, alias)} = %s"  # noqa: S608
    return sql, [*fields, key]


def _field(model: type[models.Model], name: str) -> _Field:
    key = model._meta.pk
    assert key is not None
    return key if name == "pk" else model._meta.get_field(name)  # type: ignore[return-value]


def _listed(fields: Collection[_Field], alias: str) -> str:
    return ", ".join(_quoted(field, alias) for field in fields)


def _quoted(field: _Field, alias: str) -> str:
    assert field.column is not None
    return connections[alias].ops.quote_name(field.column)


def _table(model: type[models.Model], alias: str) -> str:
    return connections[alias].ops.quote_name(model._meta.db_table)
