"""Second factors: their words, the code to photograph, and whose site a passkey is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.web.links import base_url
from apps.web.passkey_place import domain_of

if TYPE_CHECKING:
    from apps.accounts.models import User


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("This is not the present code."),
        "unverified_email": gettext_lazy("Confirm your e-mail address first."),
    }

    def get_totp_label(self, user: User) -> str:
        return user.username

    def get_totp_issuer(self) -> str:
        return f"Ownlog {_host()}"

    def build_totp_svg(self, url: str) -> str:
        """The way from black square to black square; colours and size are the style sheet's."""
        import qrcode  # slow to import, and rarely needed

        code = qrcode.QRCode(border=4)
        code.add_data(url)
        rows = code.get_matrix()
        squares = (
            f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_black in enumerate(row) if is_black
        )
        return f'<svg class="qr" viewBox="0 0 {len(rows)} {len(rows)}"><path d="{"".join(squares)}"/></svg>'

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  (the library's word)
        return _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": domain_of(context.request), "name": "Ownlog"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, object]:
        entity: dict[str, object] = super().get_public_key_credential_user_entity(user)
        return entity | {"display_name": user.username, "name": user.username}


def _host() -> str:
    return base_url(context.request).split("://", 1)[-1]
