"""What the client can ask for and Ownlog does not have yet, or refuses on purpose: named plainly."""

from __future__ import annotations

import re

_FEATURES = (
    ("Automations and integrations are", r"\w*([Tt]rigger|[Ii]ntegration)\w*"),
    ("Launch queues are", r"\w*([Rr]unQueue|[Ll]aunch|ResourceConfig)\w*"),
    ("Sweeps are", r"\w*([Ss]weep|[Aa]gent)\w*"),
    ("This of artifacts is", r"\w*([Aa]rtifact|[Aa]lias|Collection)\w*"),
)
# Whoever has an account chose its name and its password, or proved who they are elsewhere: no script does that for others.
_REFUSED = {
    "createUser": "Accounts of people are not made through a client: people sign up themselves, operators make some with "
    "`manage.py create_account`, and admins invite people to their team."
}
_UNKNOWN = re.compile(r"Cannot query field '(?P<field>\w+)'|Unknown type '(?P<type>\w+)'")


def plain_message(messages: list[str]) -> str | None:
    """One sentence in place of validation errors, when they come from asking for such a thing."""
    for message in messages:
        found = _UNKNOWN.match(message)
        name = (found["field"] or found["type"]) if found else ""
        if name in _REFUSED:
            return _REFUSED[name]
        for feature, pattern in _FEATURES:
            if name and re.fullmatch(pattern, name):
                return f"{feature} not available on this server yet."
    return None
