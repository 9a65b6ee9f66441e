"""The log at its finest: our own lines, and of libraries nothing of what they read."""

from __future__ import annotations

from pathlib import Path

from tests.factories.vault import Instance

# A picture as a camera writes it, made small as the worker does; then a line of our own.
LOOK = """
import io, logging
from PIL import Image
from apps.files.media.pictures import small_picture
told = Image.Exif()
told[0x010E] = "canary-in-a-picture"
written = io.BytesIO()
Image.new("RGB", (900, 600)).save(written, "JPEG", exif=told)
assert small_picture(io.BytesIO(written.getvalue()), longest_side=320)
logging.getLogger("apps.files").debug("a line of ours")
"""


def test_libraries_tell_nothing_of_what_they_read_however_fine_the_log_is(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.environment["OWNLOG_LOG_LEVEL"] = "debug"

    started = instance.start(LOOK)
    _out, said = started.communicate(timeout=60)

    assert started.returncode == 0, said
    assert "DEBUG apps.files a line of ours" in said
    assert "canary-in-a-picture" not in said and "PIL" not in said
