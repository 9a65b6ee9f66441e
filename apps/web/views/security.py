"""How one gets in: password, address, linked accounts, passkeys, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.views import PasswordChangeView, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal.flows import remove_authenticator, rename_authenticator
from allauth.mfa.webauthn.views import AddWebAuthnView, LoginWebAuthnView, ReauthenticateWebAuthnView
from allauth.socialaccount.internal.flows import connect
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.links import is_confirmed, links_of
from apps.accounts.providers import NAMES, offered
from apps.accounts.queries import user_of
from apps.core.errors import Conflict, NotFound
from apps.teams.factors import factors_of, is_only_way_in, take_way_in
from apps.teams.signals import BROWSERS_ENDED
from apps.web.again import has_nothing_here, note_first_use, only_elsewhere
from apps.web.forms import PasskeyNameForm
from apps.web.links import with_query
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.accounts.models import User


@login_required
@require_safe
def security(request: Request) -> HttpResponse:
    """Every way into the asker's account."""
    return _page(request)


def _page(request: Request, *, status: int = 200, **more: object) -> HttpResponse:
    user = user_of(request.actor)
    links = links_of(user)
    context = {
        "person": user,
        "is_confirmed": is_confirmed(user),
        "links": links,
        "only_link": next((each.pk for each in links if is_only_way_in(user, link=each.pk)), None),
        "linkable": [each for each in offered() if each.id not in {link.provider for link in links}],
        "factors": factors_of(user),
    }
    return render(request, "settings/security.html", context | more, status=status)


@login_required
@require_safe
def again_elsewhere(request: Request) -> HttpResponseBase:
    """Where somebody whose account opens by a provider alone goes there to prove once more who they are."""
    user = user_of(request.actor)
    if not has_nothing_here(user):
        return redirect("security")
    context = {"elsewhere": only_elsewhere(user), "next": request.GET.get("next", "")}
    return render(request, "account/again_elsewhere.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: Request) -> HttpResponseBase:
    """The library's page; a first password opens the account as well as what opened it before."""
    raise_if_reauthentication_required(request, app="allauth.account")
    return password_set(request)  # type: ignore[no-any-return]


@login_required
@require_POST
def unlink(request: Request, pk: int) -> HttpResponseBase:
    user = user_of(request.actor)
    link = SocialAccount.objects.filter(pk=pk, user_id=user.pk).first()
    if link is None:
        raise NotFound("There is no such link.")
    raise_if_reauthentication_required(request, app="allauth.socialaccount")
    if not take_way_in(user, link=pk):
        raise Conflict(_("Nothing else opens your account. Set a password or add a passkey first."))
    # The row is gone, and the library says so. It names the provider in its mail, and finds only those that are offered now.
    link.get_provider = lambda: NAMES[link.provider]
    connect.disconnect(request, link)
    return redirect("security")


@login_required
@require_POST
def remove_passkey(request: Request, pk: int) -> HttpResponseBase:
    user = user_of(request.actor)
    passkey = _passkey_of(user, pk)
    raise_if_reauthentication_required(request, app="allauth.mfa")
    if not take_way_in(user, passkey=pk):
        raise Conflict(_("Nothing else opens your account. Set a password or link an account first."))
    remove_authenticator(request, passkey)
    return redirect("security")


@login_required
@require_POST
def rename_passkey(request: Request, pk: int) -> HttpResponseBase:
    passkey = _passkey_of(user_of(request.actor), pk)
    raise_if_reauthentication_required(request, app="allauth.mfa")
    form = PasskeyNameForm(request.POST)
    if not form.is_valid():
        wrong = {"pk": pk, "value": form["name"].value() or "", "reason": form.errors["name"][0]}
        return _page(request, status=400, wrong=wrong)
    rename_authenticator(request, passkey, form.cleaned_data["name"])
    return redirect("security")


def _passkey_of(user: User, pk: int) -> Authenticator:
    passkey = Authenticator.objects.filter(pk=pk, user_id=user.pk, type=Authenticator.Type.WEBAUTHN).first()
    if passkey is None:
        raise NotFound("There is no such passkey.")
    return passkey


class NewCodes(ActivateTOTPView):  # type: ignore[misc]
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        note_first_use(self.request, self.request.user, Authenticator.Type.TOTP)
        return answer


class NewPasskey(AddWebAuthnView):  # type: ignore[misc]
    """Every passkey opens the account by itself, so the device has to keep it and to ask who is there."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["js_data"] = {"creation_options": auth.begin_registration(self.request.user, True)}
        context["form"] = kwargs.get("form") or self.get_form()
        return context

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        note_first_use(self.request, self.request.user, Authenticator.Type.WEBAUTHN)
        return answer


class NewPassword(PasswordChangeView):  # type: ignore[misc]
    """The library's page, which comes again once the password is set and says, one time, what that did."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["browsers_ended"] = self.request.session.pop(BROWSERS_ENDED, None)
        return context


class PasskeySignIn(LoginWebAuthnView):  # type: ignore[misc]
    def form_invalid(self, form: Any) -> HttpResponse:
        query = {"passkey": "unknown", "next": self.request.POST.get("next", "")}
        return HttpResponseRedirect(with_query(reverse("account_login"), query))


class PasskeyAgain(ReauthenticateWebAuthnView):  # type: ignore[misc]
    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form))  # type: ignore[no-any-return]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["is_wrong"] = "form" in kwargs
        return context


new_codes = NewCodes.as_view()
new_passkey = NewPasskey.as_view()
new_password = NewPassword.as_view()
passkey_sign_in = PasskeySignIn.as_view()
passkey_again = PasskeyAgain.as_view()
