from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "apps.exports"

    def ready(self) -> None:
        from apps.core.waiting import tells_of_work
        from apps.exports.models import ExportPiece
        from apps.projects.stored import stores

        import_module("apps.exports.privacy")
        _open_rows()
        stores(ExportPiece, "blob__stored_size", owner="export__entity")
        tells_of_work("apps.exports.queries.exports_on_their_way")


def _open_rows() -> None:
    """How rows of the apps below open for the export of an account."""
    from allauth.mfa.models import Authenticator

    from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork
    from apps.exports.telling import opens
    from apps.plans.models import PlanRequest, RequestStep
    from apps.teams.models import Membership, OrganisationMembership
    from apps.webhooks.models import Hook

    opened = {
        ApiKey: ("api_keys",),
        Authenticator: ("second_factors",),
        BrowserSession: ("devices",),
        Hook: ("webhooks", "project", "entity"),
        KeyNetwork: ("key_networks", "key"),
        Membership: ("places_in_teams", "entity"),
        OrganisationMembership: ("places_in_organisations", "organisation"),
        PlanRequest: ("plan_requests",),
        RequestStep: ("plan_request_steps", "request__user"),
    }
    for model, (name, *links) in opened.items():
        opens(model, f"apps.exports.contents.opened.{name}", *links)
