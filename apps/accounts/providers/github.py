"""GitHub, also one of one's own (Enterprise). Of the profile that it sends the number is read, and the rest dropped."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import HttpRequest

from apps.accounts.providers.identity import IdentityAdapter, IdentityProvider, identity

_GITHUB_COM = "https://github.com"


class GitHubAdapter(IdentityAdapter):
    provider_id = "github"
    headers = {"Accept": "application/json"}

    @property
    def authorize_url(self) -> str:
        return f"{settings.OWNLOG_GITHUB_URL}/login/oauth/authorize"

    @property
    def access_token_url(self) -> str:
        return f"{settings.OWNLOG_GITHUB_URL}/login/oauth/access_token"

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        url = settings.OWNLOG_GITHUB_URL
        api = "https://api.github.com" if url == _GITHUB_COM else f"{url}/api/v3"
        profile = self.ask(f"{api}/user", token=token.token)
        emails = self.ask(f"{api}/user/emails", token=token.token)
        try:
            known = sorted(
                (each for each in emails if each["verified"] is True), key=lambda each: not each["primary"]
            )
            found = identity(profile["id"], verified=[each["email"] for each in known])
        except (KeyError, TypeError) as error:
            raise OAuth2Error("GitHub does not answer as it should.") from error
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, found)
        login.proven_at = None  # GitHub never says
        return login


class GitHubProvider(IdentityProvider):
    id = "github"
    oauth2_adapter_class = GitHubAdapter


callback = OAuth2CallbackView.adapter_view(GitHubAdapter)
