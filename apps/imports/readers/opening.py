"""Which reader is for what somebody names. Paths and addresses are named on the instance's machine alone; what comes over the network is a
file that was handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from apps.core.errors import Invalid, NotFound
from apps.imports.errors import Broken
from apps.imports.readers.asking import Site
from apps.imports.readers.mlflow.folders import FolderStore
from apps.imports.readers.mlflow.reading import MlflowReader
from apps.imports.readers.mlflow.server import ServerStore
from apps.imports.readers.neptune.reading import NeptuneReader
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.readers.telling import hint
from apps.imports.readers.tensorboard.reading import TensorBoardReader
from apps.imports.readers.trees import FolderTree, ZipTree
from apps.imports.readers.wandb_offline.reading import OfflineReader
from apps.imports.readers.wandb_server.reading import WandbServerReader
from apps.imports.types import Origin, Reader


def open_reader(path: Path, origin: Origin) -> Reader:
    """NotFound for what is not there, Invalid for a folder where a file is meant or the reverse, Broken for what is not of that origin."""
    if path.is_dir():
        if origin not in _FOLDERS:
            raise Invalid(
                _("This is a folder, and an export is a ZIP. Of what program it is, is said by --from.")
            )
        return _FOLDERS[origin](path)
    if not path.is_file():
        raise NotFound(_("There is no such file or folder."))
    if origin not in _FILES:
        raise Invalid(_("This is a file, and of that origin a folder is imported."))
    return open_file(path.open("rb"), origin)


def open_file(file: BinaryIO, origin: Origin) -> Reader:
    """The same for a file that goes back and forth; it is closed with the reader, or at once where there is none."""
    try:
        if origin not in _FILES:
            raise Invalid(_("Nothing of that origin is imported as a file."))
        return _read(file, origin)
    except BaseException:
        file.close()
        raise


def _read(file: BinaryIO, origin: Origin) -> Reader:
    try:
        return _FILES[origin](file)
    except Broken as error:
        raise Broken(" ".join(filter(None, [error.message, hint(file, origin)]))) from None


def open_site(site: Site, origin: Origin, *, only: Sequence[str] = (), filters: str = "") -> Reader:
    """Of a server, everything or the projects that are named, and of W&B's the runs that pass its own filters."""
    if origin is Origin.WANDB:
        # However the key is used elsewhere, here it is the password of this name.
        return WandbServerReader(replace(site, user="api"), only=only, filters=filters)
    if filters:
        raise Invalid(_("Only runs of a W&B server can be filtered."))
    if origin is not Origin.MLFLOW:
        raise Invalid(_("Nothing of that origin is imported from a server."))
    return MlflowReader(ServerStore(site, only=only))


_FOLDERS: dict[Origin, Callable[[Path], Reader]] = {
    Origin.WANDB_OFFLINE: OfflineReader,
    Origin.TENSORBOARD: TensorBoardReader,
    Origin.MLFLOW: lambda path: MlflowReader(FolderStore(FolderTree(path))),
    Origin.NEPTUNE: lambda path: NeptuneReader(FolderTree(path)),
}
_FILES: dict[Origin, Callable[[BinaryIO], Reader]] = {
    Origin.OWNLOG: OwnlogReader,
    Origin.MLFLOW: lambda file: MlflowReader(FolderStore(ZipTree(file))),
    Origin.NEPTUNE: lambda file: NeptuneReader(ZipTree(file)),
}
# What can be handed in over the network.
HANDED_IN = tuple(_FILES)
