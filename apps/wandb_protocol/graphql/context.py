"""What one GraphQL request carries through its resolvers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import GraphQLResolveInfo

from apps.wandb_protocol.graphql.budget import Budget
from apps.wandb_protocol.graphql.lives import Lives

if TYPE_CHECKING:
    from apps.accounts.actors import Actor

# An object of the answer under the client's names. Keys that begin with "_" are for resolvers only.
Source = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    actor: Actor
    base_url: str
    is_shared: bool = False  # one of several processes that write a run together
    people: dict[int, Source] = field(default_factory=dict)  # who started the runs listed, by row
    budget: Budget = field(default_factory=Budget)
    lives: Lives = field(default_factory=Lives)


Info = GraphQLResolveInfo[Context]
Resolver = Callable[..., Any]
# Resolvers by `Type.field`.
Fields = dict[str, Resolver]


def actor_in(info: Info) -> Actor:
    return info.context.actor


def budget_of(info: Info) -> Budget:
    return info.context.budget
