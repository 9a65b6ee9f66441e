"""The closed list of acts that the audit trail knows. A new act is added here first."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_ERASED = "account.erased"
    ACCOUNT_LINKED = "account.linked"
    ACCOUNT_UNLINKED = "account.unlinked"
    ACCOUNT_REACTIVATED = "account.reactivated"
    ACCOUNT_SUSPENDED = "account.suspended"
    ADMIN_MADE_LINK = "admin.link_made"
    ADMIN_READ_REQUEST = "admin.request_read"
    ADMIN_SEEN = "admin.seen"
    API_KEY_ISSUED = "api_key.issued"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_USED_ELSEWHERE = "api_key.used_elsewhere"
    ARTIFACT_CHANGED = "artifact.changed"
    ARTIFACT_COMMITTED = "artifact.committed"
    ARTIFACT_DELETED = "artifact.deleted"
    ARTIFACT_ERASED = "artifact.erased"
    ARTIFACT_LINKED = "artifact.linked"
    ARTIFACT_UNLINKED = "artifact.unlinked"
    EMAIL_CHANGED = "account.email_changed"
    EMAIL_CONFIRMED = "account.email_confirmed"
    ENTITY_CREATED = "entity.created"
    ENTITY_REACTIVATED = "entity.reactivated"
    ENTITY_SUSPENDED = "entity.suspended"
    ERASURE_HASTENED = "erasure.hastened"
    ERASURE_TAKEN_BACK = "erasure.taken_back"
    EXPORT_ASKED = "export.asked"
    EXPORT_ERASED = "export.erased"
    EXPORT_FETCHED = "export.fetched"
    FILES_ERASED = "run.files_erased"
    IMPORT_ASKED = "import.asked"
    IMPORT_DONE = "import.done"
    IMPORT_GIVEN_UP = "import.given_up"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_MADE = "invitation.made"
    INVITATION_REVOKED = "invitation.revoked"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    OPERATOR_MADE = "admin.operator_made"
    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_ERASED = "organisation.erased"
    ORGANISATION_TEAM_ADDED = "organisation.team_added"
    ORGANISATION_TEAM_REMOVED = "organisation.team_removed"
    PASSWORD_CHANGED = "account.password_changed"
    PERSON_NAMED = "sharing.person_named"
    PERSON_UNNAMED = "sharing.person_removed"
    PLAN_GRANTED = "plan.granted"
    PLAN_QUESTION_ANSWERED = "plan.question_answered"
    PLAN_QUESTION_ASKED = "plan.question_asked"
    PLAN_REQUESTED = "plan.requested"
    PLAN_REQUEST_APPROVED = "plan.request_approved"
    PLAN_REQUEST_DECLINED = "plan.request_declined"
    PLAN_REQUEST_WITHDRAWN = "plan.request_withdrawn"
    PLAN_WORDS_ERASED = "plan.words_erased"
    PLAN_WITHDRAWN = "plan.withdrawn"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_ERASED = "project.erased"
    PROJECT_READ = "project.read"
    RECORD_LOSS_ACCEPTED = "record.loss_accepted"
    RECORD_EXPORTED = "record.exported"
    RUN_CREATED = "run.created"
    RUN_ERASED = "run.erased"
    RUN_FINISHED = "run.finished"
    RUN_KEY_RENEWED = "run.key_renewed"
    RUN_PART_ERASED = "run.part_erased"
    RUN_STOP_REQUESTED = "run.stop_requested"
    RUN_REWOUND = "run.rewound"
    SECRET_DISMISSED = "run.secret_dismissed"
    SECRET_ERASED = "run.secret_erased"
    SECOND_FACTOR_ADDED = "account.second_factor_added"
    SECOND_FACTOR_REMOVED = "account.second_factor_removed"
    SERVICE_ACCOUNT_MADE = "service_account.made"
    SERVICE_ACCOUNT_REMOVED = "service_account.removed"
    SETTING_CHANGED = "setting.changed"
    SESSION_ENDED = "session.ended"
    SHARE_LINK_MADE = "sharing.link_made"
    SHARE_LINK_REVOKED = "sharing.link_revoked"
    TEAM_ERASED = "team.erased"
    SIGNED_IN = "account.signed_in"
    SIGN_IN_FAILED = "account.sign_in_failed"
    WAYS_IN_CHANGED = "account.ways_in_changed"
    VIEW_CHANGED = "view.changed"
    VIEW_DELETED = "view.deleted"
    VIEW_SAVED = "view.saved"
    VISIBILITY_CHANGED = "sharing.visibility_changed"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_MADE = "webhook.made"
    WEBHOOK_REMOVED = "webhook.removed"


class Group(StrEnum):
    """Kinds that are read together."""

    SEEN = "seen"  # somebody who is not of the entity looked
    ACCOUNT = "account"  # ways in: passwords, keys, sessions
    PEOPLE = "people"  # who belongs, settings, what is shared
    WORK = "work"  # projects and runs
    OPERATORS = "operators"


_SEEN = frozenset({"project.read", "admin.seen", "admin.request_read"})
# By what stands before the dot; anything else is about people and settings.
_BY_WORD = {
    "account": Group.ACCOUNT,
    "api_key": Group.ACCOUNT,
    "session": Group.ACCOUNT,
    "artifact": Group.WORK,
    "erasure": Group.WORK,
    "export": Group.WORK,
    "import": Group.WORK,
    "project": Group.WORK,
    "run": Group.WORK,
    "view": Group.WORK,
    "admin": Group.OPERATORS,
}


def groups_of(kind: EventKind) -> frozenset[Group]:
    """What an operator looked at was seen, and is an operator's act."""
    own = _BY_WORD.get(kind.value.partition(".")[0], Group.PEOPLE)
    if kind.value.endswith((".suspended", ".reactivated")):
        own = Group.OPERATORS
    if kind.value not in _SEEN:
        return frozenset({own})
    return frozenset({Group.SEEN} | ({own} & {Group.OPERATORS}))


def kinds_in(group: Group) -> list[EventKind]:
    return [kind for kind in EventKind if group in groups_of(kind)]
