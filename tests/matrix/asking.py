"""What a way in is: a rule, what is asked by it, and where in the answer it shows whether one may."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.access.policy import Permission
from tests.matrix.world import Asker, Target, World

FORM = "application/x-www-form-urlencoded"


class Door(StrEnum):
    WEB = "web"
    REST = "api"
    CLIENT = "client"  # the wandb client's: GraphQL, file stream, storage


class Level(StrEnum):
    """What the thing is that the rule is asked about."""

    PROJECT = "project"
    TEAM = "team"
    ORGANISATION = "organisation"
    NAME_OF_ORGANISATION = "name of an organisation"  # told to the people of its teams as well
    OWN = "own"  # only the asker's, or nobody's


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    kind: str = "application/json"


@dataclass(frozen=True)
class Way:
    name: str
    method: str
    door: Door
    rule: Permission | str
    level: Level
    ask: Callable[[World, Target, Asker], Ask]
    is_run: bool = False  # about one run: whoever added it may do more with it
    also: tuple[Permission, ...] = ()  # of the team, besides
    fields: tuple[str, ...] = ()  # of GraphQL, that are asked for: one, or several of one thing
    answer: tuple[str, ...] = ()  # where in the data of a GraphQL answer the field stands
    beside: tuple[str, ...] = ()  # below it, what has to be there for who may
    is_new: bool = False  # makes what is not there
    is_said: bool = False  # which permission it takes depends on what is sent
    fine: frozenset[int] = frozenset()  # other answers than 2xx and 3xx that come from past the gate
    is_signed: bool = False  # whoever has the address uses it without a key
    is_begun: bool = False  # of what is being uploaded: it is there for nobody but those who may upload to it

    @property
    def label(self) -> str:
        return f"{self.door} {self.method} {self.name}"


def filled(words: Any, target: Target) -> Any:
    if isinstance(words, str):
        return words.format(**vars(target)) if re.search(r"{\w+}", words) else words
    return {key: filled(value, target) for key, value in words.items()} if isinstance(words, dict) else words
