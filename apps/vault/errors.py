from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from apps.core.errors import Erased, OwnlogError, Unavailable


class KeyGone(Erased):
    """The key, or one above it, is no longer in the vault: what it sealed cannot be read by anybody."""

    def __init__(self, node_id: UUID, message: str = "") -> None:
        super().__init__(message or _("This has been erased."))
        self.node_id = node_id


class Tampered(OwnlogError):
    """Stored bytes are not what was sealed at this place. Names the object, never what is in it."""

    code = "tampered"

    def __init__(self, label: str, row: UUID) -> None:
        super().__init__(
            _("The stored %(label)s of %(row)s was changed or damaged and cannot be opened.")
            % {"label": label, "row": row}
        )
        self.label = label
        self.row = row


class Moved(Tampered):
    """A row names a wrap secret that its parent has no more: an epoch went by between two questions, or it is damaged."""


class CopyFailed(Unavailable):
    """The second copy of the vault could not be written or does not open; the message tells the operator what to do."""

    code = "vault_copy"


class KeyStoreError(Unavailable):
    """The root key cannot be had or does not fit; the message tells the operator what to do."""

    code = "key_store"

    @property
    def public_message(self) -> str:
        return _("Stored content cannot be opened at this moment. The operator finds the reason in the log.")
