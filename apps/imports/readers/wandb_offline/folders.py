"""One folder of the client, read once from end to end: what is said of its run. The lines are read again when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from apps.core import clock, jsontext
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.wandb_offline import records as said
from apps.imports.readers.wandb_offline.log import records
from apps.imports.readers.wandb_offline.wire import Message
from apps.imports.types import Beat
from apps.runs.types import Stream

_TEXTS = {"project": 3, "group": 6, "job_type": 7, "display_name": 8, "notes": 9, "sweep": 12}
_MOST_DEFINED = 5_000
_MOST_SAID, _LOOKED_AT = (
    64 * 2**20,
    4 * 2**20,
)  # letters of config and summary; bytes of records between two looks


@dataclass(slots=True)
class Folder:
    """What one folder tells of a run."""

    path: Path
    log: Path
    beat: Beat = field(default_factory=Beat)
    run_id: str = ""
    words: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    commit: str = ""
    began: datetime | None = None
    heard: datetime | None = None
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    left_out: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, log: Path, beat: Beat | None = None) -> Folder:
        found = cls(path, log, beat or Beat())
        read = 0
        for record in records(log):
            for number, value in record.fields():
                if isinstance(value, bytes):
                    found._take(number, Message(value))
            read += len(record.data)
            if read > _LOOKED_AT:
                found._check()
                read = 0
        found._check()
        if not found.run_id:
            raise Broken(_("A folder says of no run whose it is: %(name)s.") % {"name": path.name})
        return found

    @property
    def started(self) -> datetime:
        return self.began or self._changed

    @property
    def last_heard(self) -> datetime:
        return max(self.heard or self._changed, self.started)

    @property
    def _changed(self) -> datetime:
        return min(datetime.fromtimestamp(self.log.stat().st_mtime, tz=UTC), clock.now())

    def config_text(self) -> str:
        """As the client sends it: each value beside what may be said of it, what it says of itself under `_wandb`."""
        config = {name: {"value": value} for name, value in self.config.items() if name != "_wandb"}
        own = self.config.get("_wandb")
        own = dict(own) if isinstance(own, dict) else {}
        if self.metrics:
            own["m"] = said.definitions(self.metrics)
        return jsontext.dumps(config | ({"_wandb": {"value": own}} if own else {}))

    def summary_text(self) -> str:
        return jsontext.dumps(self.summary)

    def rows(self, stream: Stream) -> Iterator[str]:
        if stream is Stream.OUTPUT:
            yield from said.console_lines(self._of(said.OUTPUT_RAW))
        elif stream is Stream.EVENTS:
            for record in self._of(said.STATS):
                yield jsontext.dumps(said.system_row(record, self.started))
        else:
            for record in self._of(said.HISTORY):
                yield jsontext.dumps(said.row(record))

    def files(self) -> Iterator[tuple[str, Path]]:
        """What lies in its `files`, by name. A link is not followed, nor if it is `files` itself: it leads to wherever whoever packed
        the folder wanted."""
        top = self.path / "files"
        if top.is_symlink():
            return
        for found in sorted(top.rglob("*")):
            if found.is_file() and not found.is_symlink() and found.resolve().is_relative_to(top.resolve()):
                yield found.relative_to(top).as_posix(), found

    def links(self) -> int:
        top = self.path / "files"
        return 1 if top.is_symlink() else sum(each.is_symlink() for each in top.rglob("*"))

    def _of(self, wanted: int) -> Iterator[Message]:
        for record in records(self.log, self.beat):
            yield from record.messages(wanted)

    def _check(self) -> None:
        """What is said of a run, record by record, is in memory."""
        if sum(len(jsontext.dumps(each)) for each in (self.config, self.summary, self.metrics)) > _MOST_SAID:
            raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": self.path.name})

    def _take(self, number: int, record: Message) -> None:
        if number == said.HISTORY:
            self._take_row(said.row(record))
        elif number == said.RUN:
            self._take_run(record)
        elif number == said.CONFIG:
            said.apply(record, self.config)
        elif number == said.SUMMARY:
            said.apply(record, self.summary)
        elif number == said.METRIC and len(self.metrics) < _MOST_DEFINED:
            self.metrics.append(said.definition(record))
        elif number == said.EXIT:
            self.exit_code = record.integer(1)
        else:
            self._take_other(number, record)

    def _take_other(self, number: int, record: Message) -> None:
        if number in (said.STATS, said.OUTPUT_RAW):
            self._hear(said.moment(record.message(2)))
        elif number in (said.ARTIFACT, said.ALERT, said.USE_ARTIFACT):
            self.left_out += 1
        elif number == said.REQUEST:
            self.left_out += len(record.bytes_of(said.LOG_ARTIFACT))

    def _take_row(self, row: dict[str, Any]) -> None:
        self.summary |= row
        at = row.get("_timestamp")
        if isinstance(at, int | float) and 0 < at < 2**35:
            self._hear(datetime.fromtimestamp(at, tz=UTC))

    def _take_run(self, record: Message) -> None:
        self.run_id = record.text(1) or self.run_id
        self.words |= {name: text for name, number in _TEXTS.items() if (text := record.text(number))}
        self.tags = record.texts(10) or self.tags
        self.commit = record.message(21).text(2) or self.commit
        self.began = self.began or said.moment(record.message(17))
        said.apply(record.message(4), self.config)
        said.apply(record.message(5), self.summary)

    def _hear(self, at: datetime | None) -> None:
        if at is not None:
            self.heard = at if self.heard is None else max(self.heard, at)


def together(folders: Sequence[Folder]) -> Folder:
    """What all folders of one run say: what a later one says counts."""
    last = folders[-1]
    return replace(
        last,
        words={name: text for each in folders for name, text in each.words.items()},
        config={name: value for each in folders for name, value in each.config.items()},
        summary={name: value for each in folders for name, value in each.summary.items()},
        metrics=[said_of for each in folders for said_of in each.metrics],
    )
