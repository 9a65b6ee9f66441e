"""One row of each kind of media as wandb 0.31.0 sends it, and what its config says of classes; digests left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
ROW: dict[str, Any] = _RECORDED["row"]
CONFIG: dict[str, Any] = _RECORDED["config"]
