"""Google by OpenID Connect. Only the signed id token is read: it names the account and the address, and no profile."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

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
    def _config(self) -> dict[str, Any]:
        found = self.ask(f"{settings.OWNLOG_GOOGLE_ISSUER}/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != settings.OWNLOG_GOOGLE_ISSUER:
            raise OAuth2Error("The issuer is another.")
        return found

    @property
    def authorize_url(self) -> str:
        return str(self._config["authorization_endpoint"])

    @property
    def access_token_url(self) -> str:
        return str(self._config["token_endpoint"])

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        claims = self._verified(kwargs["response"].get("id_token", ""), audience=app.client_id)
        addresses = [claims.get("email")] if claims.get("email_verified") is True else []
        login: SocialLogin = self.get_provider().sociallogin_from_response(
            request, identity(claims.get("sub"), verified=addresses)
        )
        # An issuer that says when somebody signed in has to say it; what it leaves out was long ago.
        says_when = "auth_time" in self._config.get("claims_supported", ())
        login.proven_at = claims.get("auth_time", 0 if says_when else None)
        return login

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
    # Google knows no `prompt=login`: it asks which account, and is told that an old sign-in is not enough.
    anew: ClassVar[dict[str, str]] = {"max_age": "0", "prompt": "select_account"}


callback = OAuth2CallbackView.adapter_view(GoogleAdapter)
