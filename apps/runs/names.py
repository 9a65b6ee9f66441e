"""Names that the server invents for runs whose scripts give none."""

from __future__ import annotations

import secrets

_FIRST = (
    "amber brisk calm clear copper crisp dawn deep early even fair fine fresh gentle glad golden grand green "
    "hazel keen kind light lively lucid mellow mild misty noble north open pale patient plain quick quiet rapid "
    "ready silver slow small smooth soft solid south spare steady still sunny sure swift tidy true warm west wide"
).split()
_SECOND = (
    "acorn anchor arch bay beacon birch bridge brook canyon cedar cliff cloud comet coast cove creek dune "
    "elm ember fern field finch fjord forest garden glade grove harbor heron hill island lake lantern lark leaf "
    "maple meadow mesa moon moss oak orchard otter peak pine pond rain reef ridge river sail shore sky spring "
    "star stone summit thicket tide trail valley wave willow wind wren"
).split()


def invent_display_name(number: int) -> str:
    """A name for a project's run number `number`: easy to say, and unique by its number."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{number}"
