"""What one GraphQL request carries through its resolvers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLResolveInfo

if TYPE_CHECKING:
    from apps.accounts.actors import Actor

# An object of the answer under the client's names. Keys that begin with "_" are for resolvers only.
Source = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    actor: Actor
    base_url: str


def context_of(info: GraphQLResolveInfo) -> Context:
    return cast("Context", info.context)


def actor_in(info: GraphQLResolveInfo) -> Actor:
    return context_of(info).actor
