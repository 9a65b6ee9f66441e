"""Root-key providers: who holds the key above the tree, outside every database."""

from __future__ import annotations

from typing import Protocol

from django.conf import settings

from apps.vault.roots.file import FileRoots


class RootKeys(Protocol):
    """A provider qualifies only if it can really destroy one generation, now."""

    def current(self) -> int | None:
        """The newest generation, or None before the first."""

    def generations(self) -> list[int]:
        """Those that exist, oldest first: one, or two while an epoch goes from one to the next."""

    def get(self, generation: int) -> bytes:
        """The 32 bytes of one generation; KeyStoreError with what to do when it cannot be had."""

    def rotate(self) -> int:
        """Make the next generation, durable before this returns."""

    def claim(self, vault: str, place: str) -> None:
        """Keep in mind that these keys are this vault's, at this place; KeyStoreError when they are another's, or it has moved."""

    def adopt(self, vault: str, place: str) -> None:
        """The same, whatever was kept in mind: an operator says so."""

    def is_claimed(self) -> bool:
        """Whether a vault uses these keys."""

    def destroy(self, generation: int) -> None:
        """Make one generation unreadable for good. Doing it again is allowed."""

    def where(self, generation: int) -> str:
        """Where that generation is kept, in words for the operator."""

    def warnings(self) -> list[str]:
        """What an operator should change though it works."""


def provider() -> RootKeys:
    return FileRoots(settings.OWNLOG_KEY_DIR, data_folder=settings.OWNLOG_DATA)
