"""What a ZIP looks like that is not what it was handed in as: whoever chose the wrong word, or packed what comes in another way, is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from django.utils.translation import gettext as _

from apps.core.errors import OwnlogError
from apps.imports.readers.ownlog.archive import FORMAT, MANIFEST
from apps.imports.readers.trees import ZipTree
from apps.imports.types import Origin

# By the name of one of its files.
_MARKS: dict[Origin, Callable[[str], bool]] = {
    Origin.MLFLOW: lambda name: name == "meta.yaml",
    Origin.NEPTUNE: lambda name: name.endswith(".parquet") and "_part_" in name,
    Origin.WANDB_OFFLINE: lambda name: name.startswith("run-") and name.endswith(".wandb"),
    Origin.TENSORBOARD: lambda name: "tfevents" in name,
}
_OURS = FORMAT.partition("/")[0].encode()


def hint(file: BinaryIO, taken_for: Origin) -> str:
    """Nothing where it looks like nothing that is known, or like what it was taken for."""
    try:
        found = _origin_of(ZipTree(file))
    except OwnlogError:
        return ""
    return "" if found in (None, taken_for) else _says(found)


def _origin_of(tree: ZipTree) -> Origin | None:
    if MANIFEST in tree.paths and _OURS in next(tree.stream(MANIFEST), b""):
        return Origin.OWNLOG
    names = [each.rpartition("/")[2] for each in tree.paths]
    return next((origin for origin, is_its in _MARKS.items() if any(map(is_its, names))), None)


def _says(origin: Origin) -> str:
    if origin is Origin.WANDB_OFFLINE:
        return _(
            "These look like offline runs of wandb: “wandb sync”, where they lie, sends them here; or they are imported on the instance’s "
            "machine, by manage.py import."
        )
    if origin is Origin.TENSORBOARD:
        return _(
            "These look like event files of TensorBoard: they are imported on the instance’s machine, by manage.py import."
        )
    name = {Origin.OWNLOG: "Ownlog", Origin.MLFLOW: "MLflow", Origin.NEPTUNE: "Neptune"}[origin]
    return _("It looks like what %(program)s writes: say that it is from there (%(origin)s).") % {
        "program": name,
        "origin": origin.value,
    }
