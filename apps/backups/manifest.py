"""What a backup says of itself. It is written last: a folder without it is no backup, one whose files differ from it is broken."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from apps.backups.errors import Refused

_NAME = "backup.json"
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    made_at: str
    database: str  # what the main database lay in; the vault goes back into any
    migrations: list[str]
    generation: int  # of the root key under which the vault lies
    bucket: str  # the address of the store, where files are not in the backup
    blobs: int
    missing: int  # that rows name and the store has not
    files: dict[str, list[str | int]]  # name: size and SHA-256, of all but blobs


def write(folder: Path, manifest: Manifest) -> None:
    draft = folder / f".{_NAME}"
    draft.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / _NAME)


def is_there(folder: Path) -> bool:
    return (folder / _NAME).is_file()


def read(folder: Path) -> Manifest:
    """Of a backup all of whose files are as it says; Refused otherwise."""
    try:
        found = Manifest(**json.loads((folder / _NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Refused(f"{folder} is no whole backup: it has no {_NAME}, which is written last.") from None
    except (OSError, ValueError, TypeError) as error:
        raise Refused(
            f"{folder / _NAME} cannot be read ({type(error).__name__}). Take another backup."
        ) from error
    for name, expected in found.files.items():
        if not (folder / name).is_file() or measured(folder / name) != expected:
            raise Refused(
                f"{folder / name} is missing, cut short or changed. Take another backup. Nothing was changed."
            )
    return found


def measured(path: Path) -> list[str | int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return [size, digest.hexdigest()]


def all_files(folder: Path) -> dict[str, list[str | int]]:
    return {
        path.name: measured(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name[0] != "."
    }
