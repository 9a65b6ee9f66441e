from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from config.secret_key import read_or_make


def test_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    first = read_or_make(folder)

    assert read_or_make(folder) == first
    assert len(first) >= 50
    assert stat.S_IMODE((folder / "django_secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["django_secret"]


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    together = Barrier(8)

    def start(_: int) -> str:
        together.wait()
        return read_or_make(tmp_path / "keys")

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(start, range(8)))

    assert len(keys) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["django_secret"]


def test_a_draft_left_by_a_crash_blocks_nothing(tmp_path: Path) -> None:
    (tmp_path / "django_secret.1").touch()

    assert read_or_make(tmp_path) == read_or_make(tmp_path) != ""
