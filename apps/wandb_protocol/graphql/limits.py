"""How much one GraphQL document may ask for, counted before it is validated.

Validation itself is quadratic in places, and fragments multiply: both are bounded here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from apps.core.errors import TooMuch

MOST_TOKENS = 4000
MOST_DEPTH = 20
MOST_FIELDS = 600  # after fragments are unfolded; the client's largest document has about 150
MOST_OPERATIONS = 5
MOST_ROOT_FIELDS = 10
MOST_NAMES = 10  # under which one field may be asked for in one place: each repeats its whole answer

_Fragments = Mapping[str, SelectionSetNode]
_Names = defaultdict[str, set[str]]


def check_size(document: DocumentNode) -> None:
    """Raise TooMuch for a document that is too deep, too wide or goes round in circles."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > MOST_OPERATIONS:
        raise TooMuch(f"A document may hold at most {MOST_OPERATIONS} operations.")
    fragments = {
        node.name.value: node.selection_set
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    for operation in operations:
        if len(operation.selection_set.selections) > MOST_ROOT_FIELDS:
            raise TooMuch(f"An operation may ask for at most {MOST_ROOT_FIELDS} fields at its root.")
        _Counter(fragments).walk(operation.selection_set, depth=1)


class _Counter:
    def __init__(self, fragments: _Fragments) -> None:
        self.fragments = fragments
        self.fields = 0

    def walk(self, selections: SelectionSetNode, *, depth: int, names: _Names | None = None) -> None:
        """Count what is selected here; `names` are the fields of this place so far and what they are called."""
        # A circle of fragments ends here as well: each turn is one level deeper.
        if depth > MOST_DEPTH:
            raise TooMuch(f"A query may be at most {MOST_DEPTH} levels deep.")
        names = defaultdict(set) if names is None else names
        for node in selections.selections:
            if isinstance(node, FieldNode):
                self._count()
                self._note_name(node, names[node.name.value])
                if node.selection_set is not None:
                    self.walk(node.selection_set, depth=depth + 1)
            elif isinstance(node, FragmentSpreadNode):
                self._count()
                if (inside := self.fragments.get(node.name.value)) is not None:
                    self.walk(inside, depth=depth + 1, names=names)
            elif (inner := getattr(node, "selection_set", None)) is not None:
                self._count()
                self.walk(inner, depth=depth + 1, names=names)

    def _count(self) -> None:
        self.fields += 1
        if self.fields > MOST_FIELDS:
            raise TooMuch(f"A query may ask for at most {MOST_FIELDS} fields.")

    @staticmethod
    def _note_name(node: FieldNode, names: set[str]) -> None:
        names.add(node.alias.value if node.alias else node.name.value)
        if len(names) > MOST_NAMES:
            raise TooMuch(f"One field may be asked for under at most {MOST_NAMES} names.")
