"""Numbers, sizes and moments as people read them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from django.utils import formats, timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

THIN = "\u2009"
_DASH = "–"
_END_OF_TIME = 2.0**37  # seconds that a date can hold


def grouped(value: int) -> str:
    """A count with a thin space between thousands."""
    return f"{value:,}".replace(",", THIN)


def figure(value: object) -> str:
    """A measured value at a precision that lets a column of them line up: 0.8710, 18 612, 3.9e-4."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else _DASH
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, float):
        return _of_float(value)
    return str(value)


def named_figure(name: str, value: object) -> str:
    """A value of a summary. When the client last spoke is a moment, and no count of seconds."""
    if name == "_timestamp" and isinstance(value, int | float) and 1 < value < _END_OF_TIME:
        return place_on(name, float(value))
    return figure(value)


def _of_float(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e15 or 0 < size < 0.001:
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    if size >= 1000:
        return f"{value:,.1f}".replace(",", THIN).removesuffix(".0")
    return f"{value:.4f}" if size < 10 else f"{value:.2f}"


def setting(value: object) -> str:
    """A chosen value as it was chosen, short: 64, 0.1, 5e-4, mixup."""
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value:.4g}"
        if 0 < abs(value) < 0.01 and "e" not in text:
            text = f"{value:.3e}"
        mantissa, _e, exponent = text.partition("e")
        if not exponent:
            return text
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def size(count: int) -> str:
    """Bytes in the largest unit that leaves a figure of at least one."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def lasting(span: timedelta) -> str:
    """A duration in its two largest units."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return _("%(s)d s") % {"s": seconds}
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 60:
        return _("%(m)d min %(s)02d s") % {"m": minutes, "s": seconds % 60}
    if hours < 24:
        return _("%(h)d h %(m)02d min") % {"h": hours, "m": minutes % 60}
    return _("%(d)d d %(h)d h") % {"d": hours // 24, "h": hours % 24}


def ago(moment: datetime, *, now: datetime) -> str:
    """How long since `moment`, in one unit; a date when it is older than a week."""
    seconds = int((now - moment).total_seconds())
    if seconds < 45:
        return _("just now")
    minutes, hours, days = (seconds + 30) // 60, (seconds + 1800) // 3600, seconds // 86400
    if minutes < 60:
        return ngettext("%(n)d min ago", "%(n)d min ago", minutes) % {"n": minutes}
    if hours < 24:
        return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
    if days < 7:
        return ngettext("yesterday", "%(n)d days ago", days) % {"n": days}
    return formats.date_format(timezone.localtime(moment), _("j M Y"))


def axis_in_words(axis: str) -> str:
    """What the x axis of a chart is called; a metric by its own name."""
    own = {"_step": _("step"), "_runtime": _("running time"), "_timestamp": _("clock")}
    return own.get(axis, axis)


def place_on(axis: str, place: float) -> str:
    """A place on the x axis of a chart: a moment, a running time, a step or the value of a metric."""
    if axis == "_timestamp" and 0 <= place < _END_OF_TIME:
        return exact(datetime.fromtimestamp(place, tz=UTC))
    if axis == "_runtime" and abs(place) < _END_OF_TIME:
        return lasting(timedelta(seconds=place))
    return grouped(int(place)) if place.is_integer() and abs(place) < _END_OF_TIME else setting(place)


def day(which: date) -> str:
    return formats.date_format(which, _("j M Y"))


def to_the_second(moment: datetime) -> str:
    """For steps that follow each other within a minute."""
    return formats.date_format(timezone.localtime(moment), _("j M Y, H:i:s"))


def exact(moment: datetime) -> str:
    minute = moment.replace(second=0, microsecond=0)
    return _exact(minute, get_language(), timezone.get_current_timezone_name())


@lru_cache(maxsize=4096)  # a page of rows shows a hundred moments, and shows them again
def _exact(moment: datetime, language: str | None, zone: str) -> str:
    return formats.date_format(timezone.localtime(moment), _("j M Y, H:i"))
