"""Files that are bombs, and files that are not what they are called: made small, masked, shown and previewed, nothing gives way."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from apps.files.models import RunFile, Thumbnail
from apps.files.tasks import sweep
from apps.files.thumbnails import LEAST_BYTES
from apps.runs.models import Run
from tests.files.media.recorded import ROW
from tests.live import ROOT
from tests.web.conftest import Visit
from tests.web.media.conftest import PAGE, Store, files_of, huge_png, png

MIB = 1024 * 1024
# The largest picture that is made small takes less than this; a bomb would take gigabytes.
MOST_MEMORY = 400 * MIB


@functools.cache
def half_a_gigabyte() -> bytes:
    """What unpacks to half a gigabyte: more than anything here may take."""
    packed = zlib.compressobj(1)
    return b"".join(packed.compress(bytes(MIB)) for _part in range(512)) + packed.flush()


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """A small PNG with one more piece behind its head."""
    whole = png(400, 300)
    return whole[:33] + chunk(kind, data) + whole[33:]


def many_rows() -> bytes:
    """A PNG that says it is small, and unpacks to far more."""
    whole = png(400, 300)
    return whole[:33] + chunk(b"IDAT", half_a_gigabyte()) + chunk(b"IEND", b"")


def huge_jpeg() -> bytes:
    """A JPEG that says it has four gigapixels."""
    written = io.BytesIO()
    Image.new("RGB", (32, 24)).save(written, "JPEG")
    whole = written.getvalue()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + b"\xff\x00\xff\x00" + whole[at + 4 :]


def huge_gif() -> bytes:
    """Some hundred bytes that say they are four gigapixels, a thousand times."""
    written = io.BytesIO()
    Image.new("P", (8, 8)).save(written, "GIF")
    whole = written.getvalue()
    frame = whole[whole.index(b"\x2c") : -1]
    return whole[:6] + b"\xff\xff\xff\xff" + whole[10 : whole.index(b"\x2c")] + frame * 1000 + b";"


def zip_bomb() -> bytes:
    """Archives in an archive, each of which unpacks to a thousand times itself."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(16 * MIB))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("../../up", "/etc/passwd", "a", "b"):
            packed.writestr(name, inner.getvalue())
    return outer.getvalue()


def laughs() -> bytes:
    """An SVG of entities of entities: ten to the ninth words, a script, and a file of the machine's."""
    more = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<!DOCTYPE svg [<!ENTITY l0 "ha">{more}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><text>&l9;&x;</text></svg>'.encode()


@functools.cache
def pictures() -> dict[str, tuple[bytes, str]]:
    """Of each: what is made of it where a small picture is due. Made when asked for, since it takes a second."""
    return {
        "four gigapixels": (huge_png(), "too much"),
        "four gigapixels of JPEG": (huge_jpeg(), "too much"),
        "a row beyond the bound": (png(6001, 4000), "too much"),
        "just within the bound": (png(6000, 4000), "made"),
        "just within the bound, seen through": (png(6000, 4000, mode="RGBA", colour=(1, 2, 3, 4)), "made"),
        "a long text in a small picture": (
            with_chunk(b"zTXt", b"a\0\0" + half_a_gigabyte()),
            "no picture",
        ),
        "a profile of colours that is a bomb": (
            with_chunk(b"iCCP", b"a\0\0" + half_a_gigabyte()),
            "no picture",
        ),
        "more rows than it says": (many_rows(), "made"),
        "frames without end": (with_chunk(b"acTL", b"\xff" * 8), "made"),
        "a GIF": (huge_gif(), "no picture"),
        "an SVG": (laughs(), "no picture"),
        "a ZIP": (zip_bomb(), "no picture"),
        "half of one": (png(400, 300)[:300], "no picture"),
        "a head alone": (png()[:33], "no picture"),
        "nothing": (b"", "no picture"),
    }


_MAKE = """
import django, io, resource, sys
from pathlib import Path
django.setup()
from apps.core.errors import Invalid, TooMuch
from apps.files.media.pictures import coloured_mask, small_picture
import PIL.Image; PIL.Image.init()
most = int(sys.argv[2])
def of(make, source):
    try:
        return "made" if make(source) else "small"
    except TooMuch:
        return "too much"
    except Invalid:
        return "no picture"
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + most, held + most))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in sorted(Path(sys.argv[1]).iterdir()):
    with path.open("rb") as small, path.open("rb") as mask:
        made = of(lambda source: small_picture(source, longest_side=320), small)
        print(path.name, made, of(coloured_mask, mask), sep="|")
"""


def test_pictures_are_made_small_in_bounded_memory(tmp_path: Path) -> None:
    """Each by the code that the worker has, in a process that may have no more memory than the largest honest one takes."""
    for name, (content, _becomes) in pictures().items():
        (tmp_path / name).write_bytes(content)

    done = subprocess.run(
        [sys.executable, "-c", _MAKE, str(tmp_path), str(MOST_MEMORY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    made = {name: small for name, small, _mask in (line.split("|") for line in done.stdout.splitlines())}
    assert made == {name: becomes for name, (_content, becomes) in pictures().items()}
    masks = {mask for _name, _small, mask in (line.split("|") for line in done.stdout.splitlines())}
    assert masks == {"made", "too much", "no picture"}


@pytest.mark.django_db
def test_bombs_are_tried_once_and_kept_as_they_came(run: Run, store: Store) -> None:
    names = ["four gigapixels", "a long text in a small picture", "a GIF", "an SVG", "a ZIP"]
    files = {f"media/images/{name}.png": pictures()[name][0].ljust(LEAST_BYTES + 1, b"\0") for name in names}
    store(run, files)

    sweep()

    rows = Thumbnail.objects.filter(file__run=run)
    assert (rows.count(), rows.filter(tried_at=None).count(), rows.exclude(blob=None).count()) == (
        len(files),
        0,
        0,
    )
    assert RunFile.objects.filter(run=run, blob__isnull=False).count() == len(files)


def deep_json() -> bytes:
    return b'{"columns": ["a"], "data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


CONTENTS: dict[str, Callable[[], bytes]] = {
    "a GIF of four gigapixels": huge_gif,
    "a ZIP in a ZIP": zip_bomb,
    "an SVG that laughs": laughs,
    "levels without end": deep_json,
    "half characters and marks": lambda: (
        b"\xff\xfe\x00\xd8" + "‮</script><script>alert(1)</script>".encode() * 100
    ),
    "a page that leads elsewhere": lambda: (
        b'<meta http-equiv="refresh" content="0; url=//evil.example"><script>top.location = "//evil.example"</script>'
    ),
}
PATHS = sorted(files_of(ROW))


@pytest.mark.django_db
@pytest.mark.parametrize("content", CONTENTS)
def test_whatever_the_files_of_media_hold_pages_stand(
    content: str, visit: Visit, kinds: Run, store: Store
) -> None:
    """Every file of every kind holds the same wrong thing: no page breaks, and none of it is part of a page."""
    store(kinds, dict.fromkeys(PATHS, CONTENTS[content]()))

    pages = [PAGE, f"{PAGE}?page=1", f"{PAGE}/table?key=table"]
    pages += [
        f"/lab/vision/runs/kinds/preview/{path}"
        for path in PATHS
        if path.endswith(("table.json", "png", "html"))
    ][:4]
    answers = {page: visit(page, by="vera") for page in pages}

    assert {page: each.status_code for page, each in answers.items() if each.status_code >= 500} == {}
    assert {each.status_code for each in list(answers.values())[:2]} == {200}
    for answer in answers.values():
        assert b"alert(1)</script>" not in answer.content and b'url=//evil.example"' not in answer.content
    assert (
        "sandbox"
        in visit(f"/lab/vision/runs/kinds/html/{next(p for p in PATHS if p.endswith('html'))}", by="vera")[
            "Content-Security-Policy"
        ]
    )
