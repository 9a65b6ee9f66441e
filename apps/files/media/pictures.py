"""Opening pictures that strangers made: how large one is is asked before anything of it is unpacked."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection
from typing import TYPE_CHECKING, BinaryIO

from django.utils.translation import gettext as _

from apps.core.errors import Invalid, TooMuch
from apps.files.media.classes import COLOURS

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_MASK_PIXELS = 16_000_000
MOST_SHRUNK_PIXELS = 24_000_000
_SEEN_THROUGH = 150  # of 255: the image stays visible under its mask
_ONE_BYTE = {"L", "P"}
# What the library raises over bytes that are no picture, or half of one.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
)


def open_picture(source: BinaryIO, *, formats: Collection[str], most_pixels: int) -> Image:
    """A picture in one of these formats, not unpacked yet. Invalid for anything else; TooMuch for one that is too large."""
    from PIL import Image

    try:
        picture = Image.open(source, formats=tuple(formats))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooMuch(_("This picture has too many pixels to be shown.")) from error
    except UNREADABLE as error:
        raise Invalid(_("This is not a picture that can be read.")) from error
    if picture.width * picture.height > most_pixels:
        raise TooMuch(_("This picture has too many pixels to be shown."))
    return picture


def small_picture(source: BinaryIO, *, longest_side: int) -> bytes | None:
    """The picture made small, as JPEG, or PNG where one sees through it; None for one that is small already."""
    from PIL import Image, ImageOps

    picture = open_picture(source, formats=("PNG", "JPEG"), most_pixels=MOST_SHRUNK_PIXELS)
    if max(picture.size) <= longest_side:
        return None
    try:
        picture.draft("RGB", (longest_side, longest_side))  # of a JPEG only what is needed is unpacked
        ImageOps.exif_transpose(picture, in_place=True)  # as a browser turns the whole one
        is_clear = "A" in picture.getbands() or "transparency" in picture.info
        small = picture.convert("RGBA" if is_clear else "RGB")
        small.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        written = io.BytesIO()
        small.save(written, "PNG" if is_clear else "JPEG", quality=82)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise Invalid(_("This is not a picture that can be read.")) from error
    return written.getvalue()


def coloured_mask(source: BinaryIO, *, hidden: Collection[int] = ()) -> bytes:
    """A PNG with a colour for each class of a mask, to be laid over its image; nothing where a class is hidden."""
    from PIL import Image

    mask = open_picture(source, formats=("PNG",), most_pixels=MOST_MASK_PIXELS)
    try:
        classes = mask if mask.mode in _ONE_BYTE else mask.convert("L")
        drawn = Image.frombytes("P", classes.size, classes.tobytes())
    except UNREADABLE as error:
        raise Invalid(_("This is not a picture that can be read.")) from error
    drawn.putpalette(bytes(part for number in range(256) for part in COLOURS[number % len(COLOURS)]))
    seen = bytes(0 if number in hidden else _SEEN_THROUGH for number in range(256))
    written = io.BytesIO()
    drawn.save(written, "PNG", transparency=seen, compress_level=1)
    return written.getvalue()
