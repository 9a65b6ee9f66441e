from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from apps.web.views import operators

# One place to sign in, the one that counts wrong guesses: Django's own form would take any number of them.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def _operators_pages() -> tuple[Any, str, str]:
    """Django's admin without its redirect to a row's page on the site: no row has one, and of ids of another form it made a 500."""
    patterns, app_name, name = admin.site.urls
    return [each for each in patterns if getattr(each, "name", "") != "view_on_site"], app_name, name


# The doors' order matters: `/{entity}/{project}` of the web comes last and would take nearly everything.
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.wandb_protocol.urls")),
    path("api/v1/", include("apps.api.urls")),
    # Before the admin's own, which would take all that begins so.
    path("admin/sizes", admin.site.admin_view(operators.sizes), name="operators-sizes"),
    path("admin/jobs", admin.site.admin_view(operators.jobs), name="operators-jobs"),
    path("admin/", _operators_pages()),
    path("", include("apps.web.urls")),
]

handler400 = "apps.web.errors.bad_request"
handler403 = "apps.web.errors.forbidden"
handler404 = "apps.web.errors.not_found"
handler429 = "apps.web.errors.too_often"  # which the library of sign-in asks for
handler500 = "apps.web.errors.broken"
