"""How Japanese is set: full-width marks beside Japanese, a space beside Latin words, none between a number and its counter,
and one word for a run.

`make words` sets every translation so, and the house test of translations finds one that is not.
"""

from __future__ import annotations

import re

_JAPANESE = "ぁ-んァ-ヶー一-龥々"
# What stands in for a value, and markup: letters that nobody reads.
_HELD = r"%\(\w+\)[#0\- +]*\d*(?:\.\d+)?[a-z]|%[sd%]|\{\w*\}|<[^>]*>"
_COLON = re.compile(r"(?<=[^\s\"]):(?: |$|(?=\n))")
_BRACKETS = re.compile(
    rf"(?<=[{_JAPANESE}]) ?(?<!%)\(([^()%]*)\) ?| ?(?<!%)\(([^()%]*[{_JAPANESE}][^()%]*)\) ?"
)
_COUNTER = "(?=[件個人行台枚本段組種回日時分秒年月週桁通つ]|文字|ファイル|プロジェクトに)"
_COUNTED = re.compile(rf"(%\(\w+\)[sd]|\d) {_COUNTER}")
_HELD_FIGURE = re.compile(rf"(?<=[{_JAPANESE}]) (%\(\w+\)[sd]){_COUNTER}")
_FIGURE = re.compile(rf"(?<=[{_JAPANESE}]) (\d+){_COUNTER}")
# But what is code: run.save, run_id.
_RUN = re.compile(
    rf"(?:(?<=[{_JAPANESE}、。]) )?(?<![A-Za-z0-9_.])run(?![A-Za-z0-9_.(])(?: (?=[{_JAPANESE}]))?"
)
_PARTS = re.compile(rf"({_HELD})")
_TOUCHING = re.compile(
    rf"(?<=[{_JAPANESE}])(?=[A-Za-z]{{2}})|(?:(?<=[A-Za-z]{{2}})|(?<=[A-Za-z]\d)|(?<=[A-Za-z]\d\d))(?=[{_JAPANESE}])"
)


def set_in(text: str) -> str:
    """This translation as the house sets it."""
    if not re.search(f"[{_JAPANESE}]", text):
        return text
    text = _BRACKETS.sub(r"（\1\2）", _COLON.sub("：", text))
    for figure in (_COUNTED, _FIGURE, _HELD_FIGURE):
        text = figure.sub(r"\1", text)
    parts = _PARTS.split(text)
    return "".join(
        part if n % 2 else _TOUCHING.sub(" ", _RUN.sub("ラン", part)) for n, part in enumerate(parts)
    )
