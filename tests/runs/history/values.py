"""What must come out as it went in, and how to tell."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

ODD_LINES = [
    '{"_step":0,"a":1,"b":1.0,"nan":NaN,"inf":Infinity,"minf":-Infinity,"none":null,"empty":"","t":true}',
    '{"_step":1,"a":1.5,"big":9007199254740993,"u64":18446744073709551615,"over":18446744073709551616}',
    '{"_step":2,"a":"now a word","huge":1180591620717411303424,"neg":-9223372036854775809,"e":1e300,"z":-0.0}',
    '{"_step":3,"a":{"b":1},"a.b":2,"a.b.c":{"d":[1,[2.0,[NaN,null]]]},"ключ":"значение 🦉","":0}',
    '{"_step":7,"a":[1,2,"x"],"gone":{},"list":[],"h":{"_type":"histogram","values":[1,2.5],"bins":[0,1,2]}}',
    '{"_step":8,"deep":{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":{"10":1}}}}}}}}}},"half":"\\ud800"}',
    "{}",
    '{"_step":9007199254740993,"a":9223372036854775807,"c":-9223372036854775808,"d":9223372036854775808}',
]


def same(left: Any, right: Any) -> bool:
    """Equal to the type and the last bit, NaN included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    return bool(left == right)


_leaves = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(2**70), 2**70)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
_names = st.sampled_from(["a", "b", "a.b", "loss", "", "é", "_type", "x.y.z"]) | st.text(
    st.characters(codec="utf-8"), max_size=3
)
values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
rows = st.lists(st.dictionaries(_names, values, max_size=6), max_size=12)
