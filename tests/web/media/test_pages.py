"""The media pages of a run: every key with its last step, one key over its steps, masks and boxes over images."""

from __future__ import annotations

import io
import re
from urllib.parse import quote

import pytest
from PIL import Image

from apps.accounts.models import User
from apps.files.media.classes import COLOURS
from apps.files.models import RunFile
from apps.runs.models import Run
from tests.files.media.recorded import ROW
from tests.live import ROOT
from tests.web.conftest import Log, Visit, text_of
from tests.web.media.conftest import PAGE, Store, huge_png, png

MASK = ROW["seg"]["masks"]["truth"]["path"]


def test_every_key_has_its_panel(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera").content.decode()

    keys = re.findall(r'data-media="([^"]+)"', page)
    assert len(keys) == len(ROW) - 1  # all but the loss
    assert "val/deep.image" in keys
    assert f'src="/lab/vision/runs/kinds/image/{ROW["image"]["path"]}" alt="step 0 &lt;b&gt;"' in page
    assert f'Media <span class="n">{len(keys)}</span>' in page


def test_a_list_is_a_grid_with_captions(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera", key="grid")

    assert page.content.decode().count("data-full") == 4
    assert re.search("c0 c1 c2 c3", text_of(page))


@pytest.mark.parametrize(
    ("at", "caption"), [("0", "the first"), ("2", "the first"), ("4", "step 0"), ("x", "step 0")]
)
def test_the_nearest_step_is_shown_without_a_script(visit: Visit, kinds: Run, at: str, caption: str) -> None:
    page = visit(PAGE, by="vera", key="image", at=at).content.decode()

    assert f'alt="{caption}' in page


def test_steps_are_links_and_one_list(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera", key="image").content.decode()

    assert 'data-steps="0 5"' in page
    assert f'rel="prev" href="{PAGE}?key=image&amp;at=0"' in page
    assert 'rel="next"' not in page


def test_boxes_are_drawn_in_the_images_own_units(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera", key="det").content.decode()

    assert 'viewBox="0 0 32 24"' in page
    assert '<rect x="3.2" y="4.8" width="12.8" height="12"><title>car .9</title>' in page
    assert '<rect x="7" y="3" width="6" height="4"><title>sky</title>' in page


def test_classes_have_their_names_and_can_be_hidden(visit: Visit, kinds: Run) -> None:
    all_of_them = visit(PAGE, by="vera", key="seg").content.decode()
    one = visit(PAGE, by="vera", key="seg", picked="1", show=["mask/truth/1"]).content.decode()

    assert re.findall(r'value="(mask/truth/\d)" checked', all_of_them) == [
        f"mask/truth/{n}" for n in range(3)
    ]
    assert "<bdi>road</bdi>" in all_of_them
    assert re.findall(r'value="([^"]+)" checked', one) == ["mask/truth/1"]
    assert f"/media/mask/{MASK}?hide=0,2" in one


def test_a_hidden_class_of_boxes_is_not_drawn(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera", key="det", picked="1", show=["boxes/prediction/2"]).content.decode()

    assert re.findall(r"<rect[^>]*><title>([^<]+)", page) == ["sky"]


def test_a_mask_comes_in_colours(visit: Visit, kinds: Run) -> None:
    shown = visit(f"{PAGE}/mask/{MASK}", by="vera")
    hidden = visit(f"{PAGE}/mask/{MASK}", by="vera", hide="1")

    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/png", "nosniff")
    drawn = Image.open(io.BytesIO(shown.content)).convert("RGBA")
    assert drawn.size == (32, 24)
    assert drawn.getpixel((0, 0)) == (*COLOURS[1], 150)
    nothing = Image.open(io.BytesIO(hidden.content)).convert("RGBA").getpixel((0, 0))
    assert isinstance(nothing, tuple) and nothing[3] == 0


def test_the_style_sheet_has_the_colours_of_the_masks() -> None:
    css = (ROOT / "static/css/media.css").read_text()

    found = re.findall(r"^\.class-(\d+) { color: #(\w{6}) }", css, re.MULTILINE)
    assert found == [
        (str(place), "".join(f"{part:02x}" for part in colour)) for place, colour in enumerate(COLOURS, 1)
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture", "This is not a picture"),
        (png()[:60], "This is not a picture"),
        (huge_png(), "too many pixels"),
    ],
    ids=["text", "cut", "bomb"],
)
def test_what_cannot_be_a_mask_is_said_to_be_none(
    visit: Visit, kinds: Run, store: Store, content: bytes, words: str
) -> None:
    store(kinds, {MASK: content})

    answer = visit(f"{PAGE}/mask/{MASK}", by="vera")

    assert answer.status_code in (400, 413)
    assert words in text_of(answer)


def test_what_is_gone_is_said_to_be(visit: Visit, kinds: Run) -> None:
    RunFile.objects.filter(run=kinds).delete()

    page = text_of(visit(PAGE, by="vera", key="image"))

    assert "Not here: it was erased, or it never arrived." in page


def test_a_kind_that_is_not_drawn_has_a_card(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera", key="molecule")

    assert "molecule_0_" in text_of(page)
    assert f"/files/{ROW['molecule']['path']}" in page.content.decode()


def test_a_panel_is_asked_for_again_only_when_rows_came(visit: Visit, kinds: Run, log: Log) -> None:
    panel = visit(f"{PAGE}/panel", by="vera", key="image").content.decode()
    cursor = re.search(r'data-cursor="([^"]+)"', panel)
    assert cursor is not None

    unchanged = visit(f"{PAGE}/panel", by="vera", key="image", cursor=cursor[1])
    log(kinds, [{"_step": 9, "image": ROW["image"] | {"caption": "new"}}])
    changed = visit(f"{PAGE}/panel", by="vera", key="image", cursor=cursor[1])

    assert (unchanged.status_code, changed.status_code) == (204, 200)
    assert 'alt="new"' in changed.content.decode()


@pytest.mark.parametrize("query", [{}, {"key": "loss"}, {"key": "x" * 9999}, {"key": "nothing"}])
def test_a_panel_of_no_media_is_refused(visit: Visit, kinds: Run, query: dict[str, str]) -> None:
    assert visit(f"{PAGE}/panel", by="vera", **query).status_code == 400


def test_names_and_captions_are_text(visit: Visit, kinds: Run, log: Log, store: Store) -> None:
    name = "media/\u202e<img src=x onerror=alert(1)>&'\".png"
    log(
        kinds, [{"_step": 9, "<b>\u202e": {"_type": "image-file", "path": name, "caption": "<script>\ud800"}}]
    )
    store(kinds, {name: png()})

    page = visit(PAGE, by="vera", key="<b>\u202e").content.decode()

    assert f"/image/{quote(name)}" in page
    assert "<script>?" not in page and "&lt;script&gt;?" in page
    assert "<img src=x" not in page


@pytest.mark.parametrize("end", ["", "/panel?key=image", f"/mask/{MASK}"])
def test_outsiders_find_nothing(visit: Visit, kinds: Run, mallory: User, end: str) -> None:
    assert visit(PAGE + end, by="mallory").status_code == 404
    assert visit(PAGE.replace("kinds", "nothing") + end, by="mallory").status_code == 404


def test_what_was_logged_last_stands_on_the_first_page_of_the_run(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE.removesuffix("/media"), by="vera").content.decode()

    glance = page.partition('class="panels media glance"')[2]
    assert len(re.findall(r"<figure ", glance)) == 4
    assert "/runs/kinds/image/media/images/" in glance
    assert 'data-media="table"' not in glance


def test_things_in_space_are_drawn_from_their_files(visit: Visit, kinds: Run) -> None:
    page = visit(PAGE, by="vera").content.decode()

    drawn = re.findall(r'data-solid="/lab/vision/runs/kinds/files/media/[^"]+" data-format="([^"]+)"', page)
    assert drawn == ["pts.json", "pdb", "gltf"]


def test_small_ones_only_among_others(visit: Visit, kinds: Run, log: Log, store: Store) -> None:
    names = [f"media/images/grid_0_{n}.png" for n in range(2)]
    value = {"_type": "images/separated", "width": 900, "height": 600, "filenames": names, "count": 2}
    alone = {"_type": "image-file", "width": 900, "height": 600, "path": names[0]}
    log(kinds, [{"_step": 20, "large": value, "alone": alone}])
    store(kinds, dict.fromkeys(names, png()))

    many = visit(PAGE, by="vera", key="large").content.decode()
    one = visit(PAGE, by="vera", key="alone").content.decode()

    assert re.findall(r'src="[^"]+/(grid_0_\d.png\?small=1)" data-whole', many) == [
        f"grid_0_{n}.png?small=1" for n in range(2)
    ]
    assert "?small=1" not in one
