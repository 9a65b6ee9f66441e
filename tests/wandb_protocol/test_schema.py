from __future__ import annotations

from graphql import GraphQLInterfaceType, GraphQLObjectType

from apps.access.rules import graphql_rules
from apps.wandb_protocol.graphql.engine import schema


def test_each_field_has_one_access_rule() -> None:
    fields = {
        f"{name}.{field}"
        for name, kind in schema().type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
        for field in kind.fields
    }

    assert fields == set(graphql_rules())


def test_introspection_tells_names_the_client_may_look_for() -> None:
    assert schema().get_type("UpsertBucketInput") is not None
