"""The notebooks of docs/ run from top to bottom against an instance, as whoever opens them would run them."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.live import API_KEY, LiveServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/notebooks/first-plot.ipynb"
PNG = b"\x89PNG\r\n\x1a\n"
LOSSES = [1 / (n + 1) for n in range(50)]
FRAME = """import json
print(json.dumps([metric, frame.columns.tolist(), frame["_step"].tolist(), frame[metric].tolist()]))"""


@pytest.fixture
def server() -> Iterator[LiveServer]:
    with LiveServer() as live:
        key = live.account("alice")

        def send(path: str, body: object) -> None:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            request = urllib.request.Request(
                f"{live.url}/api/v1/projects{path}", json.dumps(body).encode(), headers
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status in {200, 201}

        send("", {"name": "first-plot"})
        send("/alice/first-plot/runs", {"name": "run1", "display_name": "the <b>first</b>"})
        rows: list[dict[str, Any]] = [
            {"loss": loss, "note": "ä", "_step": 2 * n} for n, loss in enumerate(LOSSES)
        ]
        send("/alice/first-plot/runs/run1/history", {"rows": rows})
        yield live


def test_the_first_plot_shows_what_was_logged(server: LiveServer, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    notebook.cells.append(nbformat.v4.new_code_cell(FRAME))  # type: ignore[no-untyped-call]
    own = {
        "HOME": str(tmp_path),
        "MPLCONFIGDIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path),
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": API_KEY,
    }
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}

    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=kept | own)

    outputs = notebook.cells[-1].outputs
    metric, columns, steps, losses = json.loads(outputs[0].text)
    assert (metric, columns) == ("loss", ["_step", "loss"])
    assert steps == list(range(0, 100, 2))
    assert losses == LOSSES
    assert (tmp_path / "first-plot.png").read_bytes().startswith(PNG)
    drawn = [output.data for output in notebook.cells[-2].outputs if output.output_type == "display_data"]
    assert ["image/png" in data for data in drawn] == [True]


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
