"""The wandb client's filters and orders of runs: MongoDB-like trees, read strictly and compiled to functions.

One parser for every door. Nothing is evaluated: an operator that is not in the tables below is refused. Regular
expressions are RE2, which takes linear time whatever the pattern.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.fields import Getter, Listed, getter, is_moment, moment
from apps.runs.history.paths import MISSING
from apps.runs.patterns import Patience, compile_pattern, escaped, to_bytes

Predicate = Callable[[Listed], bool]
Test = Callable[[Any], bool]

LONGEST_FILTER = 200_000
MOST_DEPTH = 32
MOST_CONDITIONS = 2_000
_LONGEST_SEARCHED = 10_000
_PATIENCE_SECONDS = 0.25
_DEFAULT_ORDER = "+created_at"


def compile_filter(
    text: str | None, fields: Callable[[str], Getter] = getter, *, patience: Patience | None = None
) -> Predicate | None:
    """What `text` (JSON) asks of a run; None when it asks nothing. Invalid when it cannot be understood.

    With other `fields` it is asked of other things: how to get what a key means. `patience` is what it shares with other filters.
    """
    if not text or not text.strip():
        return None
    if len(text) > LONGEST_FILTER:
        raise Invalid(_("A filter is at most %(n)d letters long.") % {"n": LONGEST_FILTER})
    tree = jsontext.loads(text)
    return _Reader(fields, patience or Patience(_PATIENCE_SECONDS)).tree(tree, 0) if tree else None


class _Reader:
    """Reads one tree and counts what it holds."""

    def __init__(self, fields: Callable[[str], Getter], patience: Patience) -> None:
        self._conditions = 0
        self._getter = fields
        self._patience = patience

    def tree(self, tree: Any, depth: int) -> Predicate:
        if not isinstance(tree, dict):
            raise Invalid(_('A filter is a JSON object, such as {"state": "finished"}.'))
        self._enter(depth)
        return _all([self._entry(key, value, depth) for key, value in tree.items()])

    def _entry(self, key: str, value: Any, depth: int) -> Predicate:
        if key in ("$and", "$or", "$nor"):
            inner = self._trees(key, value, depth)
            if key == "$and":
                return _all(inner)
            return _any(inner) if key == "$or" else _not(_any(inner))
        if key == "$not":
            return _not(_all(self._trees(key, value if isinstance(value, list) else [value], depth)))
        if key.startswith("$"):
            raise Invalid(
                _("“%(name)s” is no operator between filters; there are $and, $or, $not, $nor.")
                % {"name": key[:100]}
            )
        return self._field(key, value, depth)

    def _trees(self, key: str, value: Any, depth: int) -> list[Predicate]:
        if not isinstance(value, list):
            raise Invalid(_("“%(name)s” takes a list of filters.") % {"name": key})
        return [self.tree(inner, depth + 1) for inner in value]

    def _field(self, key: str, value: Any, depth: int) -> Predicate:
        get, test = self._getter(key), self._test(key, value, depth)
        return lambda run: test(get(run))

    def _test(self, key: str, value: Any, depth: int) -> Test:
        self._enter(depth)
        if not isinstance(value, dict) or not any(name.startswith("$") for name in value):
            return _TESTS["$eq"](_operand(key, value))
        tests = [self._operator(key, name, operand, value, depth) for name, operand in value.items()]
        return tests[0] if len(tests) == 1 else lambda found: all(test(found) for test in tests)

    def _operator(self, key: str, name: str, operand: Any, beside: dict[str, Any], depth: int) -> Test:
        self._enter(depth)
        if name == "$not":
            inner = self._test(key, operand, depth + 1)
            return lambda found: not inner(found)
        if name == "$regex":
            return _matches(operand, beside.get("$options", ""), self._patience)
        if name == "$options" and "$regex" in beside:
            return lambda found: True
        if name == "$contains":
            return _matches(escaped(operand) if isinstance(operand, str) else operand, "", self._patience)
        if name == "$exists":
            wanted = bool(operand)
            return lambda found: (found is not MISSING) is wanted
        if name in ("$in", "$nin"):
            return self._one_of(key, name, operand)
        make = _TESTS.get(name)
        if make is None:
            raise Invalid(
                _("“%(name)s” is no operator; there are %(known)s.")
                % {"name": name[:100], "known": ", ".join(OPERATORS)}
            )
        return make(_operand(key, operand))

    def _one_of(self, key: str, name: str, operand: Any) -> Test:
        if not isinstance(operand, list):
            raise Invalid(_("“%(name)s” takes a list of values.") % {"name": name})
        self._conditions += len(operand)
        self._enter(0)
        tests = [_TESTS["$eq"](_operand(key, value)) for value in operand]
        wanted = name == "$in"
        return lambda found: any(test(found) for test in tests) is wanted

    def _enter(self, depth: int) -> None:
        self._conditions += 1
        if depth > MOST_DEPTH:
            raise Invalid(_("A filter is nested at most %(n)d deep.") % {"n": MOST_DEPTH})
        if self._conditions > MOST_CONDITIONS:
            raise Invalid(_("A filter has at most %(n)d conditions.") % {"n": MOST_CONDITIONS})


OPERATORS = "$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $not".split()  # noqa: SIM905  (a list of words)


def _operand(key: str, value: Any) -> Any:
    return moment(value) if is_moment(key) and value is not None else value


def _all(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda run: all(test(run) for test in tests)


def _any(tests: list[Predicate]) -> Predicate:
    return lambda run: any(test(run) for test in tests)


def _not(test: Predicate) -> Predicate:
    return lambda run: not test(run)


# ── Tests of one value. Of a list (tags) one element is enough, as MongoDB has it ──


def _any_of(types: tuple[type, ...], test: Test) -> Test:
    """The test of a value of one of these types, or of a list that has one."""

    def passes(found: Any) -> bool:
        if type(found) in types and test(found):
            return True
        return type(found) is list and any(type(each) in types and test(each) for each in found)

    return passes


def _types_like(value: Any) -> tuple[type, ...]:
    """Values of different kinds are never equal and never in an order: 1 is not true, "2" is not more than 1."""
    return (int, float) if type(value) in (int, float) else (type(value),)


def _equals(wanted: Any) -> Test:
    passes = _any_of(_types_like(wanted), lambda found: bool(found == wanted))
    return (lambda found: found is MISSING or passes(found)) if wanted is None else passes


def _differs(wanted: Any) -> Test:
    equals = _equals(wanted)
    return lambda found: not equals(found)


def _compares(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(wanted: Any) -> Test:
        if type(wanted) not in (int, float, str, datetime):
            raise Invalid(_("Only numbers, texts and times can be compared by more and less."))
        types = _types_like(wanted)
        of_list = _any_of(types, lambda found: compare(found, wanted))
        return lambda found: compare(found, wanted) if type(found) in types else of_list(found)

    return make


_TESTS: dict[str, Callable[[Any], Test]] = {
    "$eq": _equals,
    "$ne": _differs,
    "$gt": _compares(operator.gt),
    "$gte": _compares(operator.ge),
    "$lt": _compares(operator.lt),
    "$lte": _compares(operator.le),
}


def _matches(pattern: Any, options: Any, patience: Patience) -> Test:
    if not isinstance(pattern, str) or not isinstance(options, str) or set(options) - set("ims"):
        raise Invalid(_("“$regex” takes a regular expression as text, “$options” letters of i, m, s."))
    search = compile_pattern(pattern, options, patience=patience).search
    return _any_of((str,), lambda found: search(to_bytes(found[:_LONGEST_SEARCHED])) is not None)


# ── Order ──


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by. Runs that have nothing there come last, whichever the direction."""

    get: Getter
    is_descending: bool

    def sort(self, runs: Iterable[Listed]) -> list[Listed]:
        """Runs that are equal stand by age."""
        return self._sorted(sorted(runs, key=attrgetter("id")), newest_first=self.is_descending)

    def sort_again(self, runs: Iterable[Listed]) -> list[Listed]:
        """Runs that are equal stand as they stood."""
        return self._sorted(runs, newest_first=False)

    def _sorted(self, runs: Iterable[Listed], *, newest_first: bool) -> list[Listed]:
        ranked: dict[int, tuple[list[Any], list[Listed]]] = {}
        without: list[Listed] = []
        get = self.get
        for run in runs:
            value = get(run)
            rank = _RANKS.get(type(value))
            if rank is None or value != value:
                without.append(run)
                continue
            if rank not in ranked:
                ranked[rank] = [], []
            values, valued = ranked[rank]
            values.append(value)
            valued.append(run)
        found = []
        for rank in sorted(ranked, reverse=self.is_descending):
            values, valued = ranked[rank]
            # By bare values: floats alone, or texts alone, are compared several times as fast as what holds them.
            stood = range(len(values))[::-1] if newest_first else range(len(values))
            places = sorted(stood, key=values.__getitem__, reverse=self.is_descending)
            found += [valued[place] for place in places]
        return found + without


@dataclass(frozen=True, slots=True)
class Orders:
    """Several keys to sort by, the first of them first."""

    keys: tuple[Order, ...]

    def sort(self, runs: Iterable[Listed]) -> list[Listed]:
        *before, last = self.keys
        found = last.sort(runs)
        for order in reversed(before):
            found = order.sort_again(found)
        return found


_RANKS: dict[type, int] = {bool: 0, int: 1, float: 1, str: 2, datetime: 3}


def parse_order(text: str | None) -> Order:
    """`+created_at`, `-summary_metrics.loss`, `config.lr.value`; the oldest first when nothing is asked."""
    key = (text or "").strip() or _DEFAULT_ORDER
    return Order(getter(key.lstrip("+-")), key.startswith("-"))


def parse_orders(texts: Sequence[str]) -> Orders:
    """Several of them, the first that matters most first."""
    return Orders(tuple(parse_order(text) for text in texts) or (parse_order(None),))
