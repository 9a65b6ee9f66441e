"""What both providers have in common: one constant scope, one way to ask, and nothing kept but who it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.base import AuthProcess, ProviderAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from requests import RequestException

from apps.accounts.addresses import address_as_stored
from apps.accounts.providers import AGAIN, NAMES, SCOPES


class IdentityClient(OAuth2Client):  # type: ignore[misc]
    provider_id: str

    def get_redirect_url(self, authorization_url: str, scope: object, extra_params: dict[str, Any]) -> str:
        """The address to send somebody to. Whatever was configured or typed, it asks for the constant scope."""
        names = ("code_challenge", "code_challenge_method", "max_age", "prompt")
        allowed = {name: extra_params[name] for name in names if name in extra_params}
        return str(super().get_redirect_url(authorization_url, [SCOPES[self.provider_id]], allowed))


class IdentityAdapter(OAuth2Adapter):  # type: ignore[misc]
    client_class = IdentityClient

    def get_client(self, request: HttpRequest, app: Any) -> IdentityClient:
        try:
            client: IdentityClient = super().get_client(request, app)
        except OAuth2Error as error:  # where to ask is asked of the provider too
            page = render_authentication_error(request, self.get_provider(), exception=error)
            raise ImmediateHttpResponse(page) from error
        client.provider_id = self.provider_id
        return client

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        path = reverse(f"{self.provider_id}_callback")
        return (
            settings.OWNLOG_BASE_URL + path if settings.OWNLOG_BASE_URL else request.build_absolute_uri(path)
        )

    def ask(self, url: str, *, token: str = "") -> Any:
        """What the provider says at this address. OAuth2Error when it says nothing that can be used."""
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with get_adapter().get_requests_session() as session:
                answer = session.get(url, headers=headers)
                answer.raise_for_status()
                return answer.json()
        except RequestException as error:
            raise OAuth2Error("The provider does not answer as it should.") from error


class IdentityProvider(OAuth2Provider):  # type: ignore[misc]
    account_class = ProviderAccount

    @property
    def name(self) -> str:
        return NAMES[self.id]

    def get_scope(self) -> list[str]:
        return [SCOPES[self.id]]

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return self.get_scope()

    def get_pkce_params(self) -> dict[str, Any]:
        params: dict[str, Any] = generate_code_challenge()
        return params

    # With what somebody is asked to sign in there anew, where the provider knows such words.
    anew: ClassVar[dict[str, str]] = {}

    def get_auth_params(self) -> dict[str, str]:
        return {}

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        return {}

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """From the form: whether to sign in, to link or to prove once more who one is, where to go afterwards, and the invitation, if there is one."""
        wanted, next_url = request.POST.get("process"), get_next_redirect_url(request)
        if wanted == AGAIN:
            # It changes nothing by itself: whoever comes back is compared with who is signed in here.
            return {
                "process": AuthProcess.REDIRECT,
                "next_url": next_url,
                "data": {AGAIN: True},
                "auth_params": dict(self.anew),
            }
        return {
            "process": AuthProcess.CONNECT if wanted == AuthProcess.CONNECT else AuthProcess.LOGIN,
            "next_url": next_url,
            "data": {"invitation": request.POST.get("invitation", "")},
        }

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["uid"])

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, str]:
        """What is stored with the link: the first verified address, so that its owner knows which account it is."""
        return {"email": data["verified"][0]} if data["verified"] else {}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, str]:
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Verified ones alone, the provider's own choice first."""
        return [
            EmailAddress(email=email, verified=True, primary=place == 0)
            for place, email in enumerate(data["verified"])
        ]


def identity(uid: object, verified: list[object]) -> dict[str, Any]:
    """All that is taken from a provider's answer. OAuth2Error when it does not say who it is."""
    if not isinstance(uid, str | int) or isinstance(uid, bool) or not str(uid):
        raise OAuth2Error("The provider does not say who it is.")
    return {"uid": str(uid), "verified": list(_addresses(verified))}


def _addresses(verified: list[object]) -> Iterator[str]:
    """Without those that cannot be had here: small letters made of one would be somebody else's."""
    for each in verified:
        with suppress(ValidationError):
            if isinstance(each, str):
                yield address_as_stored(each)
