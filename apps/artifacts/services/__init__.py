"""Named acts on collections and versions."""

from __future__ import annotations

from apps.artifacts.services.bringing import (
    bring_collection,
    bring_link,
    bring_role,
    bring_version,
    settle_collection,
)
from apps.artifacts.services.by_hand import make_version
from apps.artifacts.services.changing import add_aliases, remove_aliases, update_version, use_version
from apps.artifacts.services.collections import may_add_to, update_collection
from apps.artifacts.services.committing import commit_version
from apps.artifacts.services.deleting import (
    bring_back_collection,
    bring_back_versions,
    clear_version,
    close_collection,
    close_versions,
    give_back_files,
    hand_on_files,
    leave_collection,
    leave_versions,
    sweep_versions,
)
from apps.artifacts.services.linking import (
    add_link_aliases,
    cut_links,
    link_version,
    may_unlink,
    remove_link_aliases,
    unlink_version,
)
from apps.artifacts.services.looks import keep_look
from apps.artifacts.services.parts import abandon_parts, complete_parts, receive_part
from apps.artifacts.services.registries import create_registry, rename_registry, update_registry
from apps.artifacts.services.uploads import (
    announce_files,
    announce_manifest,
    get_manifest_upload,
    get_upload,
    receive_file,
    receive_manifest,
    start_version,
)

__all__ = [
    "abandon_parts",
    "add_aliases",
    "add_link_aliases",
    "announce_files",
    "announce_manifest",
    "bring_back_collection",
    "bring_back_versions",
    "bring_collection",
    "bring_link",
    "bring_role",
    "bring_version",
    "clear_version",
    "close_collection",
    "close_versions",
    "commit_version",
    "complete_parts",
    "create_registry",
    "cut_links",
    "get_manifest_upload",
    "get_upload",
    "give_back_files",
    "hand_on_files",
    "keep_look",
    "leave_collection",
    "leave_versions",
    "link_version",
    "make_version",
    "may_add_to",
    "may_unlink",
    "receive_file",
    "receive_manifest",
    "receive_part",
    "remove_aliases",
    "remove_link_aliases",
    "rename_registry",
    "settle_collection",
    "start_version",
    "sweep_versions",
    "unlink_version",
    "update_collection",
    "update_registry",
    "update_version",
    "use_version",
]
