"""The closed list of acts that the audit trail knows. A new act is added here first."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    ACCOUNT_CREATED = "account.created"
    API_KEY_ISSUED = "api_key.issued"
    API_KEY_REVOKED = "api_key.revoked"
    ENTITY_CREATED = "entity.created"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    RUN_CREATED = "run.created"
    RUN_FINISHED = "run.finished"
    RUN_STOP_REQUESTED = "run.stop_requested"
    RUN_REWOUND = "run.rewound"
    SETTING_CHANGED = "setting.changed"
    SESSION_ENDED = "session.ended"
    SIGNED_IN = "account.signed_in"
