from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from apps.accounts.models import User
from apps.core import jsontext
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.models import Run
from tests.factories import work
from tests.files.media.recorded import CONFIG, ROW
from tests.web.conftest import Log

Store = Callable[[Run, dict[str, bytes]], None]
PAGE = "/lab/vision/runs/kinds/media"


def png(width: int = 32, height: int = 24, *, mode: str = "RGB", colour: Any = 7) -> bytes:
    written = io.BytesIO()
    Image.new(mode, (width, height), colour).save(written, "PNG")
    return written.getvalue()


def huge_png() -> bytes:
    """A few bytes that say they unpack to four gigabytes."""
    whole = png()
    head = b"IHDR" + (65_000).to_bytes(4, "big") * 2 + whole[24:29]
    return whole[:12] + head + zlib.crc32(head).to_bytes(4, "big") + whole[33:]


@pytest.fixture
def store() -> Store:
    """Keep files of a run as a client uploads them."""

    def keep(run: Run, files: dict[str, bytes]) -> None:
        for announced, content in zip(announce_files(run, list(files)), files.values(), strict=True):
            assert announced.file is not None
            store_file(announced.file, [content])

    return keep


def files_of(value: Any) -> dict[str, bytes]:
    """Bytes for each file that recorded objects name."""
    if isinstance(value, list):
        return {name: content for each in value for name, content in files_of(each).items()}
    if isinstance(value, str):
        return {value: _bytes_of(value)} if value.startswith("media/") else {}
    return files_of(list(value.values())) if isinstance(value, dict) else {}


def _bytes_of(name: str) -> bytes:
    if name.endswith(".mask.png"):
        return png(mode="L", colour=1)
    if name.endswith(".png"):
        return png()
    if name.endswith(".boxes2D.json"):
        corners = {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.7}
        middle = {"middle": [10, 5], "width": 6, "height": 4}
        return json.dumps(
            {
                "box_data": [
                    {"position": corners, "class_id": 1, "box_caption": "car .9"},
                    {"position": middle, "domain": "pixel", "class_id": 2},
                ],
                "class_labels": {"0": "road", "1": "car", "2": "sky"},
            }
        ).encode()
    return b"content of " + name.encode()


@pytest.fixture
def kinds(vision: Project, alice: User, log: Log, store: Store) -> Run:
    """A run that logged each kind at two steps, the second of them with files."""
    config = {"_wandb": {"value": CONFIG}}
    run = work.run(vision, "kinds", by=alice, config_text=jsontext.dumps(config))
    log(run, [{"_step": 0, "image": ROW["image"] | {"caption": "the first"}}, ROW | {"_step": 5}])
    store(run, files_of(ROW))
    return Run.objects.select_related("project__entity").get(pk=run.pk)
