"""How signing in by Google or GitHub reaches our services, and what it may never do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.db import transaction
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.invitations import invited_email, may_sign_up
from apps.accounts.providers import NAMES, credentials, offered
from apps.accounts.providers.github import GitHubProvider
from apps.accounts.providers.google import GoogleProvider
from apps.accounts.providers.identity import IdentityProvider
from apps.accounts.queries import is_taken, no_account_yet
from apps.teams.services import register
from apps.web import again
from apps.web.adapter import is_invited_to_a_team
from apps.web.rendering import render

if TYPE_CHECKING:
    import requests

    from apps.accounts.models import User

_PROVIDERS: dict[str, type[IdentityProvider]] = {"google": GoogleProvider, "github": GitHubProvider}


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Clients come from the environment alone, links from verified addresses alone, and nothing is flashed or guessed."""

    # ── Who may be asked: never a row of SocialApp, never SOCIALACCOUNT_PROVIDERS ──

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        wanted = [each.id for each in offered() if provider in (None, each.id)]
        apps = [SocialApp(provider=each, name=NAMES[each]) for each in wanted]
        for app in apps:
            app.client_id, app.secret = credentials(app.provider)
        return [app for app in apps if client_id in (None, app.client_id)]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> IdentityProvider:
        apps = self.list_apps(request, provider=provider, client_id=client_id)
        if not apps:
            raise Http404("No such provider is configured.")
        return _PROVIDERS[provider](request, app=apps[0])

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 0  # a secret goes to the address that was configured, and nowhere else
        return session

    # ── What an answer may do ──

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        return False

    def is_email_verified(self, provider: object, email: str) -> bool:
        """Only the provider says so, about each address; no setting does."""
        return False

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Drops the token, keeps one address, and stops where an account would be taken over or linked unasked."""
        sociallogin.token = None
        sociallogin.email_addresses = _chosen(sociallogin)
        if again.is_asked(sociallogin):
            reason = again.why_not(request, sociallogin)
            if not reason:
                raise ImmediateHttpResponse(again.go_on(request, sociallogin))
        elif sociallogin.state.get("process") == AuthProcess.CONNECT:
            reason = _why_not_link(request, sociallogin)
        else:
            reason = _why_not_join(sociallogin)
        if reason:
            raise ImmediateHttpResponse(
                render(request, "socialaccount/refused.html", {"reason": reason, **_facts(sociallogin)})
            )

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        invitation = _invitation(sociallogin)
        if may_sign_up() or no_account_yet() or is_invited_to_a_team(invitation):
            return True
        invited = invited_email(invitation) if may_sign_up(invitation) else None
        return invited in [each.email for each in sociallogin.email_addresses]

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """The account, its entity, its confirmed address and the link, or none of them."""
        user: User = sociallogin.user
        user.username = form.cleaned_data["username"]
        user.email = sociallogin.email_addresses[0].email
        user.set_unusable_password()
        brought = _invitation(sociallogin)
        with transaction.atomic():
            register(
                user,
                may_join=lambda: self.is_open_for_signup(request, sociallogin),
                invitation="" if may_sign_up(brought) else brought,
            )
            sociallogin.save(request)
        return user

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: object) -> str:
        return reverse("security")


def _invitation(sociallogin: SocialLogin) -> str:
    return str((sociallogin.state.get("data") or {}).get("invitation", ""))


def _chosen(sociallogin: SocialLogin) -> list[Any]:
    """One verified address: the invited one where an invitation was brought, else the provider's first."""
    verified = [each for each in sociallogin.email_addresses if each.verified]
    invited = invited_email(_invitation(sociallogin))
    for each in sorted(verified, key=lambda each: each.email != invited)[:1]:
        each.primary = True
        return [each]
    return []


def _why_not_link(request: HttpRequest, sociallogin: SocialLogin) -> str:
    if sociallogin.is_existing and sociallogin.user != request.user:
        return "another"
    return "" if sociallogin.email_addresses or sociallogin.is_existing else "unverified"


def _why_not_join(sociallogin: SocialLogin) -> str:
    """Whoever is known by a link comes in. Others need a confirmed address, which no account may have."""
    if sociallogin.is_existing:
        return ""
    if not sociallogin.email_addresses:
        return "unverified"
    return "taken" if is_taken(email=sociallogin.email_addresses[0].email) else ""


def _facts(sociallogin: SocialLogin) -> dict[str, str]:
    name = NAMES[sociallogin.account.provider]
    return {
        "provider": name,
        "address": sociallogin.email_addresses[0].email if sociallogin.email_addresses else "",
        "title": _("%(provider)s does not open an account here") % {"provider": name},
    }
