from __future__ import annotations

import pytest
from graphql import parse

from apps.core.errors import TooMuch
from apps.wandb_protocol.graphql.limits import MOST_DEPTH, MOST_FIELDS, MOST_ROOT_FIELDS, check_size


def deep(levels: int) -> str:
    return "query{" + "a{" * levels + "b" + "}" * levels + "}"


def test_ordinary_document_passes() -> None:
    check_size(parse("query Q{viewer{...F}} fragment F on User{id teams{edges{node{name}}}}"))


@pytest.mark.parametrize(
    "text",
    [
        deep(MOST_DEPTH),
        "query{" + " ".join(f"a{i}:viewer{{id}}" for i in range(MOST_ROOT_FIELDS + 1)) + "}",
        "query{viewer{" + " ".join(f"a{i}:id" for i in range(MOST_FIELDS)) + "}}",
        "query{...A} fragment A on Query{...B} fragment B on Query{...A}",
        "query{viewer{...A ...A}} fragment A on User{...B ...B} fragment B on User{...C ...C} fragment C on User{"
        + " ".join(f"a{i}:id" for i in range(100))
        + "}",
        "query{viewer{... on User{" + " ".join(f"a{i}:id" for i in range(MOST_FIELDS)) + "}}}",
        " ".join(f"query Q{i}{{viewer{{id}}}}" for i in range(6)),
    ],
    ids=[
        "deep",
        "wide root",
        "aliases",
        "circle",
        "multiplying fragments",
        "inline fragments",
        "many operations",
    ],
)
def test_greedy_documents_are_refused(text: str) -> None:
    with pytest.raises(TooMuch):
        check_size(parse(text))
