"""Which reader somebody's path is for. On the instance's machine alone: nobody else names a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.utils.translation import gettext as _

from apps.core.errors import NotFound
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.readers.tensorboard.reading import TensorBoardReader
from apps.imports.readers.wandb_offline.reading import OfflineReader
from apps.imports.types import Origin, Reader


def open_reader(path: Path, origin: Origin) -> Reader:
    """NotFound for what is not there, Broken for what is not of that origin."""
    if not path.exists():
        raise NotFound(_("There is no such file or folder."))
    return _OPEN[origin](path)


def _archive(path: Path) -> Reader:
    if not path.is_file():
        raise NotFound(_("There is no such file or folder."))
    file = path.open("rb")
    try:
        return OwnlogReader(file)
    except BaseException:
        file.close()
        raise


_OPEN: dict[Origin, Callable[[Path], Reader]] = {
    Origin.OWNLOG: _archive,
    Origin.WANDB_OFFLINE: OfflineReader,
    Origin.TENSORBOARD: TensorBoardReader,
}
