from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "apps.runs"

    def ready(self) -> None:
        from apps.projects.stored import stores
        from apps.runs.alerts import SAME_LABEL, TITLE_LABEL, WORDS_LABEL, title_in
        from apps.runs.models import Alert, Chunk, Segment
        from apps.runs.resealing import Index, lies_under_a_run, text_of

        import_module("apps.runs.privacy")
        lies_under_a_run(
            Alert,
            {"sealed_words": WORDS_LABEL},
            Index("title_index", TITLE_LABEL, title_in),
            Index("words_index", SAME_LABEL, text_of("sealed_words")),
        )
        stores(Chunk, "stored_bytes", owner="run__project__entity")
        stores(Segment, "blob__stored_size", owner="run__project__entity")
