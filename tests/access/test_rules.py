from __future__ import annotations

import pytest

from apps.access import rules
from apps.access.policy import Permission


@pytest.fixture(autouse=True)
def _a_table_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_urls", {})
    monkeypatch.setattr(rules, "_fields", {})


def test_url_is_declared_by_name_and_method() -> None:
    rules.declare_url("web:home", rules.ANYBODY)
    rules.declare_url("web:stop", Permission.RUN_WRITE, methods=("POST", "DELETE"))

    assert rules.url_rules() == {
        ("web:home", "GET"): rules.ANYBODY,
        ("web:stop", "POST"): Permission.RUN_WRITE,
        ("web:stop", "DELETE"): Permission.RUN_WRITE,
    }


def test_graphql_fields_are_declared_by_type_and_field() -> None:
    rules.declare_graphql(rules.PARENT, "Run.name", "Run.state")

    assert rules.graphql_rules() == {"Run.name": rules.PARENT, "Run.state": rules.PARENT}
