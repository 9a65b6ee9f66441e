from __future__ import annotations

from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session

from apps.accounts.models import ApiKey, BrowserSession, Replay, Tally, User
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
    },
    plain={
        "id",
        "public_id",
        "is_active",
        "is_staff",
        "is_superuser",
        "created_at",
        "groups",
        "user_permissions",
    },
)
declare(
    ApiKey,
    personal={"last_used_at"},
    plain={"id", "public_id", "user", "secret_sha256_hex", "hint", "created_at", "revoked_at"},
    goes_with="user",
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
