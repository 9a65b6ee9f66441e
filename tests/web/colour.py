"""Colours as eyes have them: contrast (WCAG 2.2), CIEDE2000 apart, through normal and three kinds of colour-blind sight."""

from __future__ import annotations

import math
import re

Rgb = tuple[float, float, float]  # linear light, each from 0 to 1
Lab = tuple[float, float, float]
Matrix = tuple[Rgb, Rgb, Rgb]

# Machado, Oliveira and Fernandes (2009), at full severity.
SIGHT: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
_OKLAB_TO_LMS: Matrix = (
    (1, 0.3963377774, 0.2158037573),
    (1, -0.1055613458, -0.0638541728),
    (1, -0.0894841775, -1.2914855480),
)
_LMS_TO_RGB: Matrix = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_RGB_TO_XYZ: Matrix = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = (0.95047, 1.0, 1.08883)
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_25_TO_7 = 25.0**7


def rgb_of(text: str) -> Rgb:
    """The colour of `#rrggbb`, `#rgb` or `oklch(L% C h)`."""
    if text.startswith("#"):
        digits = text[1:] if len(text) == 7 else "".join(letter * 2 for letter in text[1:])
        red, green, blue = (_linear(int(digits[place : place + 2], 16) / 255) for place in (0, 2, 4))
        return red, green, blue
    lightness, chroma, hue = (float(part) for part in re.findall(r"[\d.]+", text)[:3])
    turn = math.radians(hue)
    cones = _times(_OKLAB_TO_LMS, (lightness / 100, chroma * math.cos(turn), chroma * math.sin(turn)))
    return _in_gamut(_times(_LMS_TO_RGB, (cones[0] ** 3, cones[1] ** 3, cones[2] ** 3)))


def contrast(one: Rgb, other: Rgb) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def seen(colour: Rgb, sight: str) -> Lab:
    """The colour as this sight has it, in CIE L*a*b*."""
    x, y, z = (
        value / white
        for value, white in zip(
            _times(_RGB_TO_XYZ, _in_gamut(_times(SIGHT[sight], colour))), _WHITE, strict=True
        )
    )
    fx, fy, fz = _cube(x), _cube(y), _cube(z)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(one: Lab, other: Lab) -> float:
    """CIEDE2000 (Sharma, Wu and Dalal 2005)."""
    grey = _grey((math.hypot(one[1], one[2]) + math.hypot(other[1], other[2])) / 2)
    c1, h1 = _polar(one[1] * (1 + grey), one[2])
    c2, h2 = _polar(other[1] * (1 + grey), other[2])
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    lightness, chroma = (one[0] + other[0]) / 2, (c1 + c2) / 2
    off = (lightness - 50) ** 2
    dl = (other[0] - one[0]) / (1 + 0.015 * off / math.sqrt(20 + off))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / (1 + 0.015 * chroma * _hue_weight(hue))
    twist = (
        -2
        * math.sqrt(chroma**7 / (chroma**7 + _25_TO_7))
        * math.sin(math.radians(60 * math.exp(-(((hue - 275) / 25) ** 2))))
    )
    return math.sqrt(dl**2 + dc**2 + dh**2 + twist * dc * dh)


def _grey(chroma: float) -> float:
    return 0.5 * (1 - math.sqrt(chroma**7 / (chroma**7 + _25_TO_7)))


def _polar(a: float, b: float) -> tuple[float, float]:
    return math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _hue_weight(hue: float) -> float:
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    return 1 + sum(height * math.cos(math.radians(times * hue + shift)) for height, times, shift in waves)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _cube(value: float) -> float:
    return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _luminance(colour: Rgb) -> float:
    return sum(part * weight for part, weight in zip(colour, _LUMINANCE, strict=True))


def _in_gamut(colour: Rgb) -> Rgb:
    red, green, blue = (min(1.0, max(0.0, part)) for part in colour)
    return red, green, blue


def _times(matrix: Matrix, vector: Rgb) -> Rgb:
    one, two, three = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return one, two, three
