"""Sessions, sealed under what lies in the browser's cookie and nowhere else (Django's SESSION_ENGINE).

The table holds a hash of the cookie's key and bytes that only this key opens: whoever reads the database, a copy of
it or a backup, finds neither what a session holds nor a key with which to take it over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from apps.accounts.models import BrowserSession
from apps.core import clock
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import seal, unseal
from apps.vault.types import NodeId

_LABEL = "session.data"
_ROW_LENGTH = 40  # of Django's column: 160 bits of the hash


def row_of(session_key: str) -> str:
    """Under which name the session of this key is stored."""
    return _hash(b"row", session_key).hex()[:_ROW_LENGTH]


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        found = None
        if self.session_key:
            kept = Session.objects.filter(expire_date__gt=clock.now())
            found = kept.filter(session_key=row_of(self.session_key)).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(row_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return Session(
            session_key=row_of(key), session_data=self.encode(data), expire_date=self.get_expiry_date()
        )

    def encode(self, session_dict: dict[str, Any]) -> str:
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]
        text = self.serializer().dumps(session_dict)
        return base64.b64encode(seal(_open(key), text, label=_LABEL, row=_row_id(key))).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """What the session holds; nothing when its bytes were changed."""
        key = self.session_key or ""
        try:
            sealed = base64.b64decode(session_data, validate=True)
            held: dict[str, Any] = self.serializer().loads(
                unseal(_open(key), sealed, label=_LABEL, row=_row_id(key))
            )
        except (Tampered, binascii.Error, ValueError):
            return {}
        return held

    def cycle_key(self) -> None:
        """A new key with the same content; what is noted of the browser follows it."""
        before, held = self.session_key, self._session  # type: ignore[attr-defined]
        self.create()
        self._session_cache = held
        if before:
            BrowserSession.objects.filter(session_row=row_of(before)).update(
                session_row=row_of(self.session_key or "")
            )
            self.delete(before)

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            end_row(row_of(key))


def end_row(session_row: str) -> None:
    """End a session of which only the stored name is known: its next request is nobody's."""
    Session.objects.filter(session_key=session_row).delete()
    BrowserSession.objects.filter(session_row=session_row).delete()


def forget_ended() -> None:
    """Drop sessions that have run out, and what was noted of their browsers."""
    SessionStore.clear_expired()
    BrowserSession.objects.exclude(session_row__in=Session.objects.values("session_key")).delete()


def _open(session_key: str) -> OpenKey:
    # The key is 32 random letters: hashed they are 32 bytes that nobody guesses.
    return OpenKey(NodeId(_row_id(session_key)), _row_id(session_key).bytes, _hash(b"seal", session_key))


def _row_id(session_key: str) -> UUID:
    return UUID(bytes=_hash(b"id", session_key)[:16])


def _hash(purpose: bytes, session_key: str) -> bytes:
    text = session_key.encode("utf-8", "surrogatepass")
    return hashlib.sha256(b"ownlog session " + purpose + b"\0" + text).digest()
