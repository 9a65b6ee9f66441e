"""Names of the erased. They stand in addresses, papers and scripts of others: nobody else is ever found there.

What is kept is not the name: a blind index of it in the tombstone, under the operators' key, which tells one who has that
key and guesses the name that it was here.
"""

from __future__ import annotations

from apps.vault.seal import blind_index
from apps.vault.tree import is_name_erased, open_key, operator_node
from apps.vault.types import ROOT_ID

NAME_LABEL = "entity.name"


def index_of_name(name: str) -> bytes:
    return blind_index(open_key(operator_node()), NAME_LABEL, name)


def is_name_of_the_erased(name: str) -> bool:
    return is_name_erased(ROOT_ID, index_of_name(name))
