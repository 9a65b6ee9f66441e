"""In which language and look a page comes. Machines are answered in English, whatever they say they accept."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils import timezone, translation

from apps.accounts.types import Appearance, Language
from apps.accounts.zones import zone_called

# What has no namespace is a page; of the doors that have one, this is for people. The operators' pages are not here:
# they call tables and fields by their names in the code, and half a page in another language helps nobody.
_FOR_PEOPLE = frozenset({"api:docs"})


class PageLanguage:
    """Begins each request in English and UTC, as the doors for machines speak; a page takes its reader's language and zone.

    Services need not know: what they say through gettext comes in the language of the door that asked. It stands before
    the check of forms, which refuses in words of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(settings.LANGUAGE_CODE), timezone.override(None):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        match = request.resolver_match
        if match is not None and is_page(match):
            speak(request)


def is_page(match: ResolverMatch) -> bool:
    """Is it people who are answered here, rather than machines?"""
    return not match.namespace or match.view_name in _FOR_PEOPLE


def appearance_of(request: HttpRequest) -> Appearance:
    """What whoever looks has chosen, or what holds for everybody who has not."""
    user = getattr(request, "user", None)
    return getattr(user, "appearance", None) or Appearance()


def speak(request: HttpRequest) -> None:
    """Answer in the reader's language, the one they chose or else this browser's, and by the clock of their time zone."""
    chosen = appearance_of(request).language
    by_browser = chosen is Language.BROWSER
    translation.activate(translation.get_language_from_request(request) if by_browser else chosen.value)
    if zone := getattr(getattr(request, "user", None), "time_zone", ""):
        timezone.activate(zone_called(zone))
