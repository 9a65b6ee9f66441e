"""From a request's text to an answer: parse, bound, validate, run. Knows nothing of runs or projects."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLSyntaxError,
    StringValueNode,
    build_schema,
    execute_sync,
    parse,
    validate,
    visit,
)
from graphql.language import Visitor, VisitorAction

from apps.core.errors import OwnlogError
from apps.wandb_protocol.errors import OUR_FAULT, is_passing
from apps.wandb_protocol.graphql.context import Context
from apps.wandb_protocol.graphql.limits import MOST_TOKENS, check_size
from apps.wandb_protocol.graphql.resolvers import RESOLVERS
from apps.wandb_protocol.graphql.unsupported import plain_message
from apps.wandb_protocol.translate import iso_time

log = logging.getLogger("ownlog.wandb_protocol")
_SCHEMA_FILE = Path(__file__).with_name("schema.graphql")
_MOST_CACHED = 256
_LONGEST_CACHED_DOCUMENT = 16 * 1024
# The client's own documents hold short words ("_step"); anything longer may be a value somebody typed.
_LONGEST_CACHED_LITERAL = 8
_MOST_ERRORS = 5
_LONGEST_MESSAGE = 500  # what was sent is quoted in it

Answer = dict[str, Any]


class NotNow(Exception):
    """A resolver met something that passes; the whole request should be sent again."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """A document and why it cannot be run, if it cannot."""

    document: DocumentNode | None
    errors: tuple[Answer, ...] = ()


@cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers, built at the first request that needs it."""
    built = build_schema(_SCHEMA_FILE.read_text(encoding="utf-8"))
    for place, resolve in RESOLVERS.items():
        type_name, _, field_name = place.partition(".")
        owner = built.type_map[type_name]
        if not isinstance(owner, GraphQLObjectType):
            raise TypeError(f"{place} cannot have a resolver")
        field = owner.fields[field_name]
        field.resolve = resolve
        for name, argument in field.args.items():
            argument.out_name = _our_word(name)
    _teach_scalars(built)
    return built


def _our_word(argument: str) -> str:
    """The keyword under which a resolver takes an argument: `minStep` as `min_step`, `input` as `sent`."""
    return "sent" if argument == "input" else re.sub(r"([A-Z])", r"_\1", argument).lower()


def _teach_scalars(built: GraphQLSchema) -> None:
    def scalar(name: str) -> GraphQLScalarType:
        found = built.type_map[name]
        if not isinstance(found, GraphQLScalarType):
            raise TypeError(name)
        return found

    scalar("JSONString").coerce_input_value = _text
    scalar("Int64").coerce_input_value = _integer
    scalar("Duration").coerce_input_value = _integer
    scalar("DateTime").coerce_output_value = _moment


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("JSONString takes a text.")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise GraphQLError("An integer is needed here.")
    try:
        number = int(value)
    except (ValueError, OverflowError):
        raise GraphQLError("An integer is needed here.") from None
    if not -(2**63) <= number < 2**63:
        raise GraphQLError("This integer has more than 64 bits.")
    return number


def _moment(value: Any) -> Any:
    return iso_time(value) if isinstance(value, datetime) else value


class _DocumentCache:
    """Checked documents by the hash of their text, the least used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> _Checked | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: bytes, checked: _Checked) -> None:
        with self._lock:
            self._kept[key] = checked
            while len(self._kept) > _MOST_CACHED:
                self._kept.popitem(last=False)


_documents = _DocumentCache()


def answer(
    query: str, *, variables: Mapping[str, Any], operation_name: str | None, context: Context
) -> Answer:
    """The `{"data": ..., "errors": ...}` for one request. Raises NotNow when it should come again."""
    checked = _checked(query)
    if checked.document is None:
        return {"data": None, "errors": list(checked.errors)}
    result = execute_sync(
        schema(),
        checked.document,
        context_value=context,
        variable_values=dict(variables),
        operation_name=operation_name,
    )
    return _formatted(result)


def _checked(query: str) -> _Checked:
    key = hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
    known = _documents.get(key)
    if known is None:
        known = _check(query)
        if known.document is not None and _is_cacheable(query, known.document):
            _documents.put(key, known)
    return known


def _check(query: str) -> _Checked:
    try:
        document = parse(query, no_location=True, max_tokens=MOST_TOKENS)
        check_size(document)
    except GraphQLSyntaxError as error:
        return _Checked(None, (_error(f"The query cannot be read: {error.description}"),))
    except RecursionError:
        return _Checked(None, (_error("The query is nested too deeply."),))
    except OwnlogError as error:
        return _Checked(None, (_error(error.message, code=error.code),))
    errors = validate(schema(), document, max_errors=_MOST_ERRORS)
    if not errors:
        return _Checked(document)
    messages = [error.message for error in errors]
    plain = plain_message(messages)
    return _Checked(
        None, tuple(_error(text, code="unsupported") for text in ([plain] if plain else messages))
    )


def _is_cacheable(query: str, document: DocumentNode) -> bool:
    if len(query) > _LONGEST_CACHED_DOCUMENT:
        return False
    finder = _LongLiterals()
    visit(document, finder)
    return not finder.found


class _LongLiterals(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_string_value(self, node: StringValueNode, *_: Any) -> VisitorAction:
        self.found = self.found or len(node.value) > _LONGEST_CACHED_LITERAL
        return None


def _error(message: str, *, code: str = "invalid", path: list[str | int] | None = None) -> Answer:
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + "…"
    error: Answer = {"message": message, "extensions": {"code": code}}
    return error | {"path": path} if path else error


def _formatted(result: ExecutionResult) -> Answer:
    answered: Answer = {"data": result.data}
    if result.errors:
        answered["errors"] = [_translated(error) for error in result.errors]
    return answered


def _translated(error: GraphQLError) -> Answer:
    cause, path = error.original_error, list(error.path or [])
    # A value of the wrong type reaches us as GraphQL's own error inside another.
    if cause is None or isinstance(cause, GraphQLError):
        return _error(error.message, path=path)
    if is_passing(cause):
        raise NotNow from cause
    if isinstance(cause, OwnlogError):
        return _error(cause.public_message, code=cause.code, path=path)
    log.error("unforeseen in a resolver", exc_info=cause)
    return _error(OUR_FAULT, code="error", path=path)
