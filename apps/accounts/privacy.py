from __future__ import annotations

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork, Replay, Tally, User
from apps.core.privacy import declare

declare(
    User,
    personal={
        "username",
        "email",
        "password",
        "last_login",
        "language",
        "theme",
        "density",
        "has_single_keys",
        "time_zone",
        "idle_notices",
        "idle_told_at",
        "idle_tried_at",
    },
    plain={
        "id",
        "public_id",
        "is_service",
        "is_active",
        "is_staff",
        "is_superuser",
        "created_at",
        "erased_at",
        "was_active",
        "groups",
        "user_permissions",
    },
)
declare(
    ApiKey,
    sealed={"sealed_name"},
    personal={"last_used_at"},
    plain={
        "id",
        "public_id",
        "user",
        "secret_sha256_hex",
        "hint",
        "scope",
        "only_entity",
        "created_at",
        "expires_at",
        "revoked_at",
    },
    goes_with="user",
)
declare(
    KeyNetwork,
    sealed={"sealed_network"},
    personal={"first_used_at", "told_at"},
    plain={"id", "row", "key", "network_hmac_hex"},
    goes_with="key",
)
declare(
    Replay,
    plain={"id", "user", "key_hash", "request_hash", "status", "subject", "number", "created_at"},
    goes_with="user",
)

declare(
    BrowserSession,
    sealed={"sealed_place"},
    personal={"created_at"},
    plain={"id", "row", "public_id", "user", "session_row"},
    goes_with="user",
)
declare(Tally, plain={"id", "name", "value", "expires_at"})

# Tables of libraries: what they keep of a person ends with the account.
declare(EmailAddress, personal={"email"}, plain={"id", "user", "verified", "primary"}, goes_with="user")
# `data` is sealed under the person's own key before it is written (teams.factors).
declare(
    Authenticator,
    personal={"data", "created_at", "last_used_at"},
    plain={"id", "user", "type"},
    goes_with="user",
)
declare(
    SocialAccount,
    personal={"uid", "extra_data", "last_login", "date_joined"},
    plain={"id", "user", "provider"},
    goes_with="user",
)
# Never a row: clients come from the environment, tokens are dropped on arrival.
declare(SocialApp, plain={"id", "provider", "provider_id", "name", "client_id", "secret", "key", "settings"})
declare(
    SocialToken, plain={"id", "app", "account", "token", "token_secret", "expires_at"}, goes_with="account"
)
declare(EmailConfirmation, plain={"id", "email_address", "created", "sent", "key"}, goes_with="email_address")
declare(
    LogEntry,
    plain={
        "id",
        "action_time",
        "user",
        "content_type",
        "object_id",
        "object_repr",
        "action_flag",
        "change_message",
    },
    goes_with="user",
)
# Sealed under the browser's cookie rather than under a key of the vault (accounts.sessions).
declare(Session, personal={"session_data"}, plain={"session_key", "expire_date"})
declare(Group, plain={"id", "name", "permissions"})
declare(Permission, plain={"id", "name", "content_type", "codename"})
declare(ContentType, plain={"id", "app_label", "model"})
