"""How allauth's flows reach our services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.actors import Actor
from apps.accounts.addresses import address_as_stored
from apps.accounts.invitations import invited_email, may_sign_up
from apps.accounts.names import as_stored
from apps.accounts.queries import is_taken, no_account_yet
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.teams.names import is_name_of_the_erased
from apps.teams.queries import is_name_in_use, is_usable_invitation
from apps.teams.services import register
from apps.web.again import came_from_there_lately, has_nothing_here
from apps.web.links import base_url

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress
    from django.contrib.auth.models import AnonymousUser
    from django.http.response import HttpResponseBase

    from apps.accounts.models import User

INVITATION = "invitation"
# What the library tells of, by the names of its own templates.
_CHANGES = {
    "account_connected": gettext_lazy("An account elsewhere was linked: it can sign you in now."),
    "account_disconnected": gettext_lazy("An account elsewhere was unlinked."),
    "email_changed": gettext_lazy("The e-mail address of your account was changed to another."),
    "password_changed": gettext_lazy("The password was changed."),
    "password_reset": gettext_lazy("The password was set anew by a link in a mail."),
    "password_set": gettext_lazy("A password was set."),
    "recovery_codes_generated": gettext_lazy(
        "New recovery codes were made; the earlier ones open nothing any more."
    ),
    "totp_activated": gettext_lazy("Codes of an app were switched on."),
    "totp_deactivated": gettext_lazy("Codes of an app were switched off."),
    "webauthn_added": gettext_lazy("A passkey was added."),
    "webauthn_removed": gettext_lazy("A passkey was removed."),
}


def invitation_of(request: HttpRequest) -> str:
    """The invitation in the link, or in the form that the link led to."""
    return request.POST.get(INVITATION) or request.GET.get(INVITATION, "")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up makes the account and its entity in one act; who may sign up is the instance's setting."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": gettext_lazy("This account is switched off. Ask the instance's operators why."),
        "email_password_mismatch": gettext_lazy("No account opens with this address and password."),
        "duplicate_email": gettext_lazy("This is the present address."),
        "email_taken": gettext_lazy(
            "There is an account with this address already. Sign in, or set a new password."
        ),
        "enter_current_password": gettext_lazy("This is not the present password."),
        "incorrect_password": gettext_lazy("This is not the present password."),
        "rate_limited": gettext_lazy("Too many tries for the moment. Wait a minute."),
        "too_many_login_attempts": gettext_lazy("Too many tries for the moment. Wait five minutes."),
        "username_password_mismatch": gettext_lazy("No account opens with this name and password."),
        "username_taken": gettext_lazy("This name is taken."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return may_sign_up(invitation_of(request)) or is_invited_to_a_team(invitation_of(request))

    def clean_username(self, username: str, shallow: bool = False) -> str:
        name = str(super().clean_username(as_stored(username.strip()), shallow))
        if not shallow and (is_name_in_use(name) or is_name_of_the_erased(name)):
            raise ValidationError(_("This name is taken."))
        return name

    def clean_email(self, email: str) -> str:
        email = address_as_stored(str(super().clean_email(email)))
        invited = invited_email(invitation_of(self.request))
        if invited and not may_sign_up() and email != invited and not no_account_yet():
            raise ValidationError(_("The invitation is for another address."))
        return email

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        filled_in = super().save_user(request, user, form, commit=False)
        brought = invitation_of(request)
        return register(
            filled_in,
            may_join=lambda: self.is_open_for_signup(request),
            # An account that is owed to a team's invitation uses it up: one invitation, one account.
            invitation="" if may_sign_up(brought) else brought,
        )

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **facts: Any) -> HttpResponseBase:
        """Whoever has just signed up has said who they are as well as whoever signs in; the library notes the latter only."""
        if signup:
            record_authentication(request, user, "signup")
        answer: HttpResponseBase = super().post_login(request, user, signup=signup, **facts)
        return answer

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """For whom tries are counted. The library's has the host in it, and a sender may put any port behind that."""
        return as_stored(str(credentials.get("email", credentials.get("username", ""))))

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, str]]:
        """How somebody proves once more who they are: where nothing here can ask them, on a page that says where to go."""
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and not methods:
            methods = [{"id": "elsewhere", "description": "", "url": reverse("again-elsewhere")}]
        return methods

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """The library has no question for those who sign in elsewhere only, and would let them pass unasked.

        Nobody passes where the operator has taken away the provider that could ask.
        """
        user = self.request.user
        if (
            user.is_authenticated
            and has_nothing_here(user)
            and not came_from_there_lately(self.request, user)
        ):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Unless somebody else has signed up with the address since the link was sent, or the account is closed."""
        present = email_address.user.email
        if not email_address.user.is_active:
            return False
        if as_stored(email_address.email) != as_stored(present) and is_taken(email=email_address.email):
            return False
        return bool(super().confirm_email(request, email_address))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every mail of the library goes through here, each link under a name of this kind.

        The library takes the host that whoever asked has named; where the operator declared an address, that one counts.
        """
        if declared := urlsplit(settings.OWNLOG_BASE_URL).netloc:
            links = {name: value for name, value in context.items() if name.endswith("_url") and value}
            context = context | {name: _as_declared(str(value)) for name, value in links.items()}
            context["current_site"] = {"domain": declared}
        super().send_mail(template_prefix, email, context)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: object = None, email: str | None = None
    ) -> None:
        """Each change of how the account is opened is told to its owner by mail: what, and what to do.

        The changes that are mailed are noted by the library's signals (`accounts.signals`); here the others are.
        """
        change = template_prefix.rpartition("/")[2]
        if change in _CHANGES:
            words = {"change": _CHANGES[change], "security_url": base_url(self.request) + reverse("security")}
            self.send_mail("account/email/ways_in_changed", email or user.email, words)
        else:
            whom = user.public_id
            record(EventKind.WAYS_IN_CHANGED, subject=whom, entity=whom, by=Actor.person(user), change=change)

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Nothing is flashed: each page says itself what is true now."""


def is_invited_to_a_team(secret: str) -> bool:
    """Does this secret make an account? Where sign-up is closed no team's admin opens it."""
    return settings.OWNLOG_SIGN_UP == "invited" and is_usable_invitation(secret)


def _as_declared(url: str) -> str:
    return f"{settings.OWNLOG_BASE_URL}{urlsplit(url)._replace(scheme='', netloc='').geturl()}"
