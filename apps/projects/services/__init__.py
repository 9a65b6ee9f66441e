from apps.projects.services.bringing import bring_project, brought, is_name_free, open_brought
from apps.projects.services.closing import close_published
from apps.projects.services.projects import (
    check_outsiders,
    check_visibility,
    create_project,
    create_registry_project,
    get_or_create_project,
    rename_registry_project,
    update_project,
)
from apps.projects.services.registries import (
    name_in_registry,
    somebody,
    somebody_called,
    unname_called,
    unname_in_registry,
)
from apps.projects.services.retention import choose_retention, unset_retention
from apps.projects.services.sharing import make_share_link, name_person, revoke_share_link, unname_person
from apps.projects.services.views import bring_views, change_view, delete_view, save_view

__all__ = [
    "bring_project",
    "bring_views",
    "brought",
    "change_view",
    "check_outsiders",
    "check_visibility",
    "choose_retention",
    "close_published",
    "create_project",
    "create_registry_project",
    "delete_view",
    "get_or_create_project",
    "is_name_free",
    "make_share_link",
    "name_in_registry",
    "name_person",
    "open_brought",
    "rename_registry_project",
    "revoke_share_link",
    "save_view",
    "somebody",
    "somebody_called",
    "unname_called",
    "unname_in_registry",
    "unname_person",
    "unset_retention",
    "update_project",
]
