from __future__ import annotations

from typing import Any

from allauth.account import forms as account
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms as webauthn
from allauth.socialaccount.forms import SignupForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, MaxLengthValidator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.addresses import LONGEST_ADDRESS, address_as_stored, check_address, login_as_stored
from apps.accounts.queries import is_taken
from apps.web.passkeys import UNREADABLE


def _bound(field: forms.Field) -> None:
    """The library's forms take longer ones, and make small letters of them before they ask what those are."""
    others = [each for each in field.validators if not isinstance(each, MaxLengthValidator | EmailValidator)]
    field.validators = [*others, check_address]
    field.widget.attrs["maxlength"] = str(LONGEST_ADDRESS)


class SignInForm(account.LoginForm):  # type: ignore[misc]
    """Signing in with a password, by the user name or the address."""

    def clean_login(self) -> str:
        return login_as_stored(super().clean_login())


class SignUpForm(account.SignupForm):  # type: ignore[misc]
    """Signing up with a password. With an address that has an account it takes as long as with any other."""

    def try_save(self, request: HttpRequest) -> tuple[Any, HttpResponse | None]:
        if self.account_already_exists:
            # What a new account costs most: the answer's time would tell what its page does not.
            make_password(self.cleaned_data["password1"])
        saved: tuple[Any, HttpResponse | None] = super().try_save(request)
        return saved

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields["email"])


class ResetForm(account.ResetPasswordForm):  # type: ignore[misc]
    """Where the link to a new password goes; to an address that could not be had here no account belongs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields["email"])

    def clean_email(self) -> str:
        """The library looks for an account by this address, and mails the link to what stands in the form."""
        return address_as_stored(super().clean_email())


class NameForm(SignupForm):  # type: ignore[misc]
    """A new account by a provider: only its name is asked for. The address is the one that the provider confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - {"username"}:
            del self.fields[name]


_LONGEST_NAME = 60


class NewAddressForm(account.AddEmailForm):  # type: ignore[misc]
    """An address that is to replace the present one once it is confirmed; until then the present one stays as it is.

    Whether somebody else has it is not told here: the owner of the mailbox is, by mail.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound(self.fields["email"])

    def save(self, request: HttpRequest) -> EmailAddress:
        wanted, waiting = (
            self.cleaned_data["email"],
            EmailAddress.objects.filter(user=self.user, verified=False),
        )
        waiting.exclude(email__iexact=self.user.email).delete()
        address = EmailAddress.objects.create(user=self.user, email=wanted)
        if is_taken(email=wanted):
            get_account_adapter().send_account_already_exists_mail(wanted)
        else:
            send_verification_email_to_address(request, address)
        return address


class _ReadsCredential:
    """A passkey's answer comes from anybody: what cannot be read is refused like one that is not known."""

    def clean_credential(self) -> Any:
        return self._readable(lambda: super(_ReadsCredential, self).clean_credential())  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self._readable(lambda: super(_ReadsCredential, self).clean()) or {}  # type: ignore[misc]
        return cleaned

    @staticmethod
    def _readable(read: Any) -> Any:
        try:
            return read()
        except UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None


class PasskeySignInForm(_ReadsCredential, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyStepForm(_ReadsCredential, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class PasskeyAgainForm(_ReadsCredential, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class NewPasskeyForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None
        return cleaned

    def clean_name(self) -> str:
        return _printable(str(super().clean_name())[:_LONGEST_NAME])


class PasskeyNameForm(forms.Form):
    """What somebody calls a passkey from now on."""

    name = forms.CharField(
        max_length=_LONGEST_NAME,
        error_messages={
            "required": gettext_lazy("It needs a name."),
            "max_length": gettext_lazy("A name has no more than %(limit_value)d characters."),
        },
    )

    def clean_name(self) -> str:
        return _printable(str(self.cleaned_data["name"]))


def _printable(name: str) -> str:
    """As names of keys and services are: without what cannot be seen, marks that turn text around among it."""
    if not name.isprintable():
        raise ValidationError(_("A name has no control characters."))
    return name
