from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.services import change_appearance
from apps.accounts.types import Appearance, Density, Language, Theme
from apps.core.errors import Invalid
from apps.web.appearance import appearance_of
from apps.web.rendering import render
from apps.web.request import Request

_ONE_YEAR = 365 * 24 * 3600
# Each language by its own name: whoever reads only that one finds it.
_LANGUAGES = {Language.ENGLISH: "English", Language.JAPANESE: "日本語"}
_KINDS: dict[str, type[StrEnum]] = {"language": Language, "theme": Theme, "density": Density}
_ON, _OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    words: str
    is_chosen: bool
    language: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be chosen. Each option is a button that saves, so nothing needs a script."""

    name: str
    title: str
    says: str
    options: list[Option]
    is_default: bool


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def appearance(request: Request) -> HttpResponseBase:
    """Language, theme, density and keys. A choice holds from the next page on."""
    present = appearance_of(request)
    if request.method != "POST":
        return render(request, "settings/appearance.html", {"settings": _settings(present)})
    chosen = _changed(present, request.POST.dict())
    change_appearance(request.actor, chosen)
    answer = redirect("appearance")
    if chosen.language is Language.BROWSER and present.language is not Language.BROWSER:
        # What was chosen on a page before sign-in would pass for the browser's own wish.
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return answer


@require_POST
def language(request: Request) -> HttpResponse:
    """The language of this browser, for pages before sign-in: kept in a cookie that no script reads."""
    chosen, back = request.POST.get("language", ""), request.POST.get("next", "")
    if chosen not in _LANGUAGES:
        raise Invalid(_("There is no such choice."))
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    answer = redirect(back)
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=_ONE_YEAR,
        httponly=True,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )
    return answer


def _changed(present: Appearance, form: dict[str, Any]) -> Appearance:
    changes: dict[str, Any] = {}
    try:
        for name, kind in _KINDS.items():
            if name in form:
                changes[name] = kind(form[name])
        if "keys" in form:
            changes["has_single_keys"] = {_ON: True, _OFF: False}[form["keys"]]
    except (ValueError, KeyError):
        raise Invalid(_("There is no such choice.")) from None
    return replace(present, **changes)


def _settings(present: Appearance) -> list[Setting]:
    as_found = Appearance()
    languages = [
        Option(Language.BROWSER, _("As the browser asks"), present.language is Language.BROWSER),
        *(Option(each, name, present.language is each, each) for each, name in _LANGUAGES.items()),
    ]
    themes = [
        Option(Theme.SYSTEM, _("As the device has it"), present.theme is Theme.SYSTEM),
        Option(Theme.LIGHT, _("Light"), present.theme is Theme.LIGHT),
        Option(Theme.DARK, _("Dark"), present.theme is Theme.DARK),
    ]
    densities = [
        Option(Density.COMPACT, _("Compact"), present.density is Density.COMPACT),
        Option(Density.COMFORTABLE, _("Comfortable"), present.density is Density.COMFORTABLE),
    ]
    keys = [
        Option(_ON, _("On"), present.has_single_keys),
        Option(_OFF, _("Off"), not present.has_single_keys),
    ]
    return [
        Setting(
            "language",
            _("Language"),
            _("For every page and mail. What scripts read stays English, errors too."),
            languages,
            present.language == as_found.language,
        ),
        Setting(
            "theme",
            _("Theme"),
            _("Paper by day, ink by night."),
            themes,
            present.theme == as_found.theme,
        ),
        Setting(
            "density",
            _("Density"),
            _("How high the rows of tables and the charts are."),
            densities,
            present.density == as_found.density,
        ),
        Setting(
            "keys",
            _("Single keys"),
            _("Shortcuts of one key, such as / for the filter. Off for whoever speaks to the computer."),
            keys,
            present.has_single_keys == as_found.has_single_keys,
        ),
    ]
