from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.urls import reverse

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.files.names import clean_file_name
from apps.files.queries import count_files, list_files
from apps.files.services import announce_files
from apps.wandb_protocol.graphql import artifact_files
from apps.wandb_protocol.graphql.context import Fields, Info, Source, budget_of
from apps.wandb_protocol.graphql.paging import connection, page_size
from apps.wandb_protocol.graphql.run_acts import held_run
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.signing import DOWNLOAD, UPLOAD, signed_url
from apps.wandb_protocol.storage import mime_type

if TYPE_CHECKING:
    from apps.files.types import OpenFile
    from apps.runs.types import OpenRun


def create_run_files(_: None, info: Info, sent: Source) -> Source:
    """Where to PUT each file. The client drops the whole batch unless each name comes back, in its order."""
    context = info.context
    run = held_run(info, sent, Permission.FILE_WRITE)
    asked: list[str] = sent["files"]
    rooms = {
        room.name: room.file for room in announce_files(run, [name for name in asked if _is_usable(name)])
    }
    links = []
    for name in asked:
        file = rooms.get(name)
        url = file and signed_url(UPLOAD, base=context.base_url, actor=context.actor, file_id=file.public_id)
        links.append({"name": name, "uploadUrl": url})
    return {"runID": to_client("Run", run.public_id), "uploadHeaders": [], "files": links}


def _is_usable(name: str) -> bool:
    """One bad name is refused alone: an error would lose the whole batch."""
    try:
        clean_file_name(name)
    except Invalid:
        return False
    return True


def mark_run_files_uploaded(_: None, info: Info, sent: Source) -> Source:
    """A file is there once its bytes are: nothing is left to do but to say whether one may ask."""
    held_run(info, sent, Permission.FILE_WRITE)
    return {"success": True}


def files(
    run: Source,
    info: Info,
    names: Sequence[str | None] | None = None,
    pattern: str | None = None,
    first: int | None = None,
    after: str | None = None,
    upload: bool | None = None,
) -> Source:
    opened: OpenRun = run["_run"]
    budget_of(info).list_of(page_size(first))
    # `run.file("./x")` asks for what `run.save("./x")` called x.
    wanted = {known for name in names or () if name for known in (name, name.removeprefix("./"))} or None
    found = list_files(opened.run, names=wanted, like=pattern)
    return connection(found, file_facts, first=first, after=after) | {"uploadHeaders": []}


def file_count(run: Source, info: Info) -> int:
    opened: OpenRun = run["_run"]
    budget_of(info).stream_of(0)
    return count_files(opened.run)


def file_facts(file: OpenFile) -> Source:
    return {
        "_id": file.file.public_id,
        "id": to_client("File", file.file.public_id),
        "name": file.name,
        "sizeBytes": file.size,
        "mimetype": mime_type(file.name),
        "md5": file.md5_base64,
        "digest": file.md5_base64,
        "updatedAt": file.file.updated_at,
    }


def url(file: Source, info: Info, upload: bool | None = None) -> str:
    if "_id" not in file:
        return direct_url(file, info)
    return info.context.base_url + reverse("wandb_protocol:download", args=[file["_id"]])


def direct_url(file: Source, info: Info) -> str:
    if "_entry" in file:
        return artifact_files.direct_url(file, info)
    if "_id" not in file:
        return str(file.get("_direct_url", ""))
    context = info.context
    return signed_url(DOWNLOAD, base=context.base_url, actor=context.actor, file_id=file["_id"])


FIELDS: Fields = {
    "Mutation.createRunFiles": create_run_files,
    "Mutation.markRunFilesUploaded": mark_run_files_uploaded,
    "Run.files": files,
    "Run.fileCount": file_count,
    "File.url": url,
    "File.directUrl": direct_url,
}
