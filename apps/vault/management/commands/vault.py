from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from apps.core.amounts import counted
from apps.core.errors import OwnlogError
from apps.vault import copies, epochs, orphans, readiness, roots
from apps.vault.models import Epoch
from apps.vault.types import EpochState


class Command(BaseCommand):
    help = (
        "The vault: make it ready (first start), show its state, open every key in it once, renew the keys above what was "
        "erased (epoch), write its second copy (copy), put a copy into an empty vault (restore), or say that the root keys "
        "are this vault's though it has moved (adopt)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["ready", "status", "verify", "epoch", "copy", "restore", "adopt"])
        parser.add_argument(
            "file", nargs="?", help="restore: the copy; without it the one at OWNLOG_VAULT_COPY"
        )

    def handle(self, *args: Any, act: str, file: str | None = None, **options: Any) -> None:
        acts: dict[str, Callable[[], None]] = {
            "ready": self.ready,
            "status": self.status,
            "verify": self.verify,
            "epoch": self.epoch,
            "copy": self.copy,
            "adopt": self.adopt,
            "restore": lambda: self.restore(Path(file) if file else copies.place()),
        }
        try:
            acts[act]()
        except OwnlogError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError(
                f"The vault {readiness.vault_place()} cannot be used. If it has no tables yet, run: manage.py migrate "
                f"--database vault"
            ) from error

    def ready(self) -> None:
        generation = readiness.make_ready()
        self.stdout.write(f"vault: ready, root generation {generation}")
        self._warn()

    def status(self) -> None:
        generation = readiness.require_fit()
        self.stdout.write(f"vault: {readiness.vault_place()}")
        self.stdout.write(f"root key: generation {generation}, {roots.provider().where(generation)}")
        for each in Epoch.objects.exclude(state=EpochState.DONE).order_by("number"):
            self.stdout.write(
                f"epoch {each.number}: {each.state}, {counted(each.tries, 'try', 'tries')} {each.trouble}".rstrip()
            )
        for kind, count in sorted(readiness.count_nodes().items()):
            self.stdout.write(f"{kind}: {count}")
        self._warn()

    def verify(self) -> None:
        readiness.require_fit()
        verdict = readiness.verify()
        self.stdout.write(f"opened: {verdict.opened}")
        self.stdout.write(f"below an erased key: {verdict.unreachable}")
        for row in verdict.damaged:
            self.stderr.write(f"damaged: {row}")
        if verdict.damaged:
            raise CommandError(
                f"{counted(len(verdict.damaged), 'key does', 'keys do')} not open. Put back the newest copy of the vault."
            )
        keyless = orphans.count_keyless()
        for label, count in sorted(keyless.items()):
            self.stderr.write(f"without a key: {count} of {label}")
        if keyless:
            raise CommandError(
                "Rows name keys that are not there. If an erasure is under way, look again in a minute; else the vault is "
                "older than the main database: put back the newest copy of the vault."
            )

    def epoch(self) -> None:
        readiness.require_fit()
        done = epochs.run()
        if done is None:
            raise CommandError("Another process is at an epoch. Nothing was changed.")
        self.stdout.write(
            f"epoch {done.number}: {counted(done.renewed, 'key')} renewed, {done.rewrapped} below them wrapped anew, root key "
            f"generation {done.generation}"
        )

    def copy(self) -> None:
        readiness.require_fit()
        self.stdout.write(f"{copies.place()}: {counted(copies.write_copy(), 'key')}, all of them open")

    def adopt(self) -> None:
        readiness.adopt_keys()
        self.stdout.write(f"vault: the root keys are those of {readiness.vault_place()}")

    def restore(self, file: Path) -> None:
        rows = copies.restore(file)
        self.stdout.write(
            f"vault: {counted(rows, 'row')} put back from {file}, root generation {readiness.require_fit()}"
        )

    def _warn(self) -> None:
        for warning in roots.provider().warnings():
            self.stderr.write(f"warning: {warning}")
