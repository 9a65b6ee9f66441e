"""Plotly figures: drawn by our script in a sandbox; what they say is data, and asked for alone they are files."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.runs.models import Run
from apps.web.views.files import MOST_OF_FIGURE
from tests.web.media.conftest import Store

PATH = "media/plotly/fig_0_abc.plotly.json"
RUN = "/lab/vision/runs/kinds/plotly"
FRAMED = {"Sec-Fetch-Dest": "iframe"}
EVIL = "</script><script>alert(1)</script>&amp;"
FIGURE = {"data": [{"x": [1], "y": [2], "name": EVIL}], "layout": {"title": {"text": EVIL}}}


def asked(name: str, **headers: str) -> Any:
    client = Client()
    client.force_login(User.objects.get(username="vera"), backend="django.contrib.auth.backends.ModelBackend")
    return client.get(f"{RUN}/{name}", headers=headers)


@pytest.fixture
def figure(kinds: Run, store: Store) -> Run:
    store(kinds, {PATH: json.dumps(FIGURE).encode()})
    return kinds


def test_a_figure_is_data_in_a_page_of_its_own_origin(figure: Run) -> None:
    answer = asked(PATH, **FRAMED)
    page = answer.content.decode()

    held = re.search(r'<script id="figure" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert held is not None and json.loads(json.loads(held[1])) == FIGURE
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; script-src http")
    assert "allow-same-origin" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_asked_for_without_a_frame_it_is_a_file(figure: Run) -> None:
    answer = asked(PATH)

    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["media/plotly/other.json", "media/plotly/large.plotly.json"])
def test_what_is_no_figure_or_too_large_is_a_file(kinds: Run, store: Store, name: str) -> None:
    store(kinds, {name: b" " * (MOST_OF_FIGURE + 1 if "large" in name else 2)})

    answer = asked(name, **FRAMED)

    assert answer["Content-Disposition"].startswith("attachment")
