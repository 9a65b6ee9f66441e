"""Django's SECRET_KEY: a file of its own beside the vault's root keys, made at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def read_or_make(folder: Path) -> str:
    """The key in `folder`/django_secret. It signs sessions and upload URLs; it encrypts nothing."""
    path = folder / "django_secret"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _make(path)


def _make(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_urlsafe(50)
    # Not named by the process id: in a container that is the same at each start, and a leftover would block them all.
    draft = path.with_name(f"django_secret.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A hard link never replaces: when two processes start at once, both end up with the same key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
