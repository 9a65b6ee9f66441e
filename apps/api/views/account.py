from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.core import ratelimit
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.accounts.queries import user_of
from apps.api.describe import writes
from apps.api.request import ApiRequest
from apps.api.serializers.account import AccountClosed, AccountErase
from apps.api.views.base import ApiView, require_proof, sent, signed_in
from apps.core.errors import Forbidden, Invalid, TooMuch
from apps.erasure.accounts import erase_account
from apps.erasure.idle import tell_of_closing
from apps.erasure.ways_back import path_of

if TYPE_CHECKING:
    from apps.accounts.models import User


class AccountEraseView(ApiView):
    @extend_schema(
        operation_id="erase_account",
        summary="Erase your own account, with everything of your own: closed at once, deleted when its days of grace are over",
        description="With a key of the scope admin that is good for everything, your user name and your password; whoever has none "
        "uses the page. It opens nothing any more, this key neither: a link takes it back while it waits and leads to the receipt.",
        tags=["erasures"],
        request=AccountErase,
        responses=writes({202: AccountClosed}, 409),
    )
    def post(self, request: ApiRequest) -> HttpResponseBase:
        actor = signed_in(request)
        require_proof(request)
        user, words = user_of(actor), sent(request, AccountErase).validated_data
        if user.is_service:
            raise Forbidden("A service account is removed on the page of its team.")
        if words["name"] != user.username:
            raise Invalid("This is not your user name.")
        if actor.api_key:
            _require_password(request, user, words["password"])
        job, secret = erase_account(user, by=actor)
        is_mailed = tell_of_closing(user, secret)
        link = None if is_mailed else request.build_absolute_uri(path_of(secret))
        return Response(AccountClosed({"job": job, "link": link}).data, status=202)


def _require_password(request: ApiRequest, user: User, password: str) -> None:
    """A key may have been left somewhere; for this its owner shows who they are. Tries are counted with those of the pages."""
    if not user.has_usable_password():
        raise Forbidden("Your account has no password to show who you are: erase it on its page.")
    if not ratelimit.consume(request._request, action="reauthenticate", user=user):
        raise TooMuch("Too many tries. Try again later.")
    if not user.check_password(password):
        raise Forbidden("This is not the password of the account.")
