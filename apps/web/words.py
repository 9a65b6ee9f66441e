"""Words to look for in names, which are sealed: they are compared here, once opened, and by no database."""

from __future__ import annotations

import unicodedata

LONGEST = 200


class Words:
    """Every word that was typed has to stand somewhere in what is looked at, in capitals or not."""

    def __init__(self, typed: str) -> None:
        self.typed = typed.strip()[:LONGEST]
        self._words = _plain(self.typed).split()

    def __bool__(self) -> bool:
        return bool(self._words)

    def in_any(self, *texts: str) -> bool:
        whole = _plain("\n".join(texts))
        return all(word in whole for word in self._words)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
