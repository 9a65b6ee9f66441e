"""Django's SECRET_KEY: a file of its own beside the vault's root keys, made at the first start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.env import BadSetting

_FEWEST_LETTERS = 40
_ADVICE = "Put it back from its safe copy, or remove it: a new one is made, and everybody signs in again."


def read_or_make(folder: Path) -> str:
    """The key in `folder`/django_secret. It signs sessions and upload URLs; it encrypts nothing."""
    path = folder / "django_secret"
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
    return _read(path)


def _read(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"The signing key {path} cannot be read ({type(error).__name__}). {_ADVICE}"
        ) from None
    # Empty or cut short, it would sign sessions and upload links with something that can be guessed.
    if len(key) < _FEWEST_LETTERS:
        raise BadSetting(f"The signing key {path} is empty or cut short. {_ADVICE}")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_urlsafe(50)
    # Not named by the process id: in a container that is the same at each start, and a leftover would block them all.
    draft = path.with_name(f"django_secret.{secrets.token_hex(8)}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
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
