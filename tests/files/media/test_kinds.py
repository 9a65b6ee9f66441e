"""What the client logs as media, as it was recorded, and what no reader may trip over."""

from __future__ import annotations

from typing import Any

import pytest

from apps.files.media.kinds import items_of, kind_of_type
from apps.files.media.types import MOST_ITEMS, Kind, Layer, LayerKind
from tests.files.media.recorded import ROW


@pytest.mark.parametrize(
    ("key", "kind", "count"),
    [
        ("image", Kind.IMAGE, 1),
        ("jpg", Kind.IMAGE, 1),
        ("mpl", Kind.IMAGE, 1),
        ("grid", Kind.IMAGE, 4),
        ("plain_grid", Kind.IMAGE, 2),
        ("sound", Kind.AUDIO, 1),
        ("video", Kind.VIDEO, 1),
        ("gif", Kind.VIDEO, 1),
        ("videos", Kind.VIDEO, 2),
        ("page", Kind.HTML, 1),
        ("pages", Kind.HTML, 2),
        ("table", Kind.TABLE, 1),
        ("inc", Kind.TABLE, 1),
        ("mut", Kind.TABLE, 1),
        ("cloud", Kind.OBJECT3D, 1),
        ("shape", Kind.OBJECT3D, 1),
        ("molecule", Kind.MOLECULE, 1),
    ],
)
def test_each_recorded_kind_is_read(key: str, kind: Kind, count: int) -> None:
    found = items_of(ROW[key])

    assert [item.kind for item in found] == [kind] * count
    assert kind_of_type(ROW[key]["_type"]) is kind
    assert all(item.path.startswith("media/") for item in found)


def test_captions_and_sizes() -> None:
    (image,) = items_of(ROW["image"])

    assert (image.caption, image.width, image.height) == ("step 0 <b>", 32, 24)
    assert [item.caption for item in items_of(ROW["grid"])] == ["c0", "c1", "c2", "c3"]
    assert [item.caption for item in items_of(ROW["plain_grid"])] == ["", ""]
    assert [item.caption for item in items_of(ROW["sound"])] == ["a tone"]
    assert [item.caption for item in items_of(ROW["videos"])] == ["", ""]
    assert [item.rows for item in items_of(ROW["table"])] == [3]
    assert [item.rows for item in items_of(ROW["table"] | {"nrows": 0})] == [0]


def test_layers_of_one_image_and_of_a_list() -> None:
    (segmented,) = items_of(ROW["seg"])
    first, second = items_of(ROW["dets"])

    assert {(layer.kind, layer.name) for layer in segmented.layers} == {
        (LayerKind.MASK, "truth"),
        (LayerKind.MASK, "prediction"),
    }
    assert [layer.kind for layer in first.layers] == [LayerKind.MASK, LayerKind.BOXES]
    boxes = ROW["dets"]["all_boxes"][1]["p"]["path"]
    assert second.layers[1] == Layer(LayerKind.BOXES, "p", boxes)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "media/images/a.png",
        ["media/images/a.png"],
        {},
        ROW["loss"],
        {"_type": "histogram", "values": [1], "bins": [0, 1]},
        {"_type": ["image-file"], "path": "a.png"},
        {"_type": "image-file"},
        {"_type": "image-file", "path": 7},
        {"_type": "image-file", "path": ""},
        {"_type": "image-file", "path": "a\0.png"},
        {"_type": "image-file", "path": "a" * 5000},
        {"_type": "images/separated"},
        {"_type": "images/separated", "filenames": "a.png"},
        {"_type": "images/separated", "filenames": [7, None, {}]},
        {"_type": "videos", "videos": {"path": "a"}},
    ],
)
def test_what_is_no_media_holds_nothing(value: Any) -> None:
    assert items_of(value) == []


def test_odd_parts_of_an_image_are_left_out() -> None:
    odd = {
        "_type": "image-file",
        "path": "a.png",
        "width": -1,
        "height": "7",
        "caption": {"a": 1},
        "masks": {"m": {"path": 7}, "n": None},
        "boxes": ["b"],
    }

    (image,) = items_of(odd)

    assert (image.path, image.width, image.height, image.caption, image.layers) == (
        "a.png",
        None,
        None,
        "",
        (),
    )


def test_a_list_is_bounded() -> None:
    assert len(items_of({"_type": "images/separated", "filenames": ["a.png"] * 9999})) == MOST_ITEMS
