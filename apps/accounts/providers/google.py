"""Google by OpenID Connect. Only the signed id token is read: it names the account and the address, and no profile."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jwt
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import HttpRequest

from apps.accounts.providers.identity import IdentityAdapter, IdentityProvider, identity

_ALGORITHMS = ["RS256"]


class GoogleAdapter(IdentityAdapter):
    provider_id = "google"

    @cached_property
    def _config(self) -> dict[str, str]:
        found = self.ask(f"{settings.OWNLOG_GOOGLE_ISSUER}/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != settings.OWNLOG_GOOGLE_ISSUER:
            raise OAuth2Error("The issuer is another.")
        return found

    @property
    def authorize_url(self) -> str:
        return self._config["authorization_endpoint"]

    @property
    def access_token_url(self) -> str:
        return self._config["token_endpoint"]

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        claims = self._verified(kwargs["response"].get("id_token", ""), audience=app.client_id)
        addresses = [claims.get("email")] if claims.get("email_verified") is True else []
        return self.get_provider().sociallogin_from_response(
            request, identity(claims.get("sub"), verified=addresses)
        )

    def _verified(self, id_token: str, *, audience: str) -> dict[str, Any]:
        """The claims of a token that the issuer signed for us."""
        try:
            keys = jwt.PyJWKSet.from_dict(self.ask(self._config["jwks_uri"]))
            key = keys[jwt.get_unverified_header(id_token).get("kid", "")]
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                audience=audience,
                issuer=settings.OWNLOG_GOOGLE_ISSUER,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except (jwt.PyJWTError, KeyError, AttributeError, TypeError) as error:
            raise OAuth2Error("The token was not signed by the issuer for this instance.") from error
        return claims


class GoogleProvider(IdentityProvider):
    id = "google"
    oauth2_adapter_class = GoogleAdapter


callback = OAuth2CallbackView.adapter_view(GoogleAdapter)
