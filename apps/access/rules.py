"""Every way in is declared here by the door that owns it: URLs by name and method, GraphQL fields by `Type.field`.

What is not declared is refused (see `middleware`) and fails a house test, so nothing is reachable by oversight.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.access.policy import Permission

# Rules that are not a permission on a thing.
ANYBODY = "anybody"  # no content behind it: sign-in pages, static words, health
SIGNED_IN = "signed in"  # only the asker's own things
# The signature names actor, object and method; the gate is asked again when it is used.
SIGNED_URL = "signed url"
# The secret in the address says which project this browser may read; the gate asks whether the link is good each time.
SHARE_LINK = "share link"
OPERATOR = "operator"  # Django admin: metadata only
PARENT = "parent"  # a field of something that was already fetched through the gate

Rule = Permission | str

_urls: dict[str, dict[str, Rule]] = {}  # by name, then by method
_fields: dict[str, Rule] = {}


def declare_url(name: str, rule: Rule, *, methods: Iterable[str] = ("GET",)) -> None:
    """State who may reach the URL `name` (with its namespace) by these methods.

    `admin:*` stands for all of a namespace that a library fills; a name of its own goes before it.
    """
    for method in methods:
        _urls.setdefault(name, {})[method] = rule


def declare_graphql(rule: Rule, *fields: str) -> None:
    """State who may read or call these fields, each `Type.field`."""
    for field in fields:
        _fields[field] = rule


def url_rules() -> dict[tuple[str, str], Rule]:
    return {(name, method): rule for name, rules in _urls.items() for method, rule in rules.items()}


def graphql_rules() -> dict[str, Rule]:
    return dict(_fields)


def rules_of_url(name: str) -> dict[str, Rule]:
    """The rule of each method by which the URL `name` may be reached; empty when nobody declared it."""
    own = _urls.get(name)
    if own is None and ":" in name:
        own = _urls.get(f"{name.rsplit(':', 1)[0]}:*")
    return dict(own or {})
