from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from apps.core.privacy import PLACES, Declaration, declared

_INTRODUCTION = """\
# Privacy map

What is stored, where, in which class, and with what it ends. Printed by `manage.py privacy_map` from the declarations
beside the models; a test fails while a field is missing here.

- **sealed**: content, encrypted under a key of the vault before it is stored; without the key it is noise.
- **personal**: tells of a person who signed up; ends with their account.
- **plain**: ids, times, sizes, counts and states.
"""


class Command(BaseCommand):
    help = "Print docs/privacy-map.md: every stored field with its class, and every place of storage."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(privacy_map()))


def privacy_map() -> Iterator[str]:
    """The map, line by line."""
    yield _INTRODUCTION
    yield "## Places\n"
    yield "| place | what lies there |"
    yield "| --- | --- |"
    yield from (f"| `{place}` | {what} |" for place, what in PLACES.items())
    for config in apps.get_app_configs():
        found = [declared()[model] for model in config.get_models() if model in declared()]
        if found:
            yield f"\n## {config.label}"
        for declaration in found:
            yield from _table(declaration)


def _table(declaration: Declaration) -> Iterator[str]:
    model = declaration.model
    yield f"\n### {model.__name__}\n"
    yield f"Table `{model._meta.db_table}`. {_end(declaration)}\n"
    yield "| class | fields |"
    yield "| --- | --- |"
    for name in ("sealed", "personal", "plain"):
        fields = sorted(getattr(declaration, name))
        if fields:
            yield f"| {name} | {', '.join(f'`{field}`' for field in fields)} |"


def _end(declaration: Declaration) -> str:
    if declaration.goes_with is None:
        return "Ends by an act of its own."
    return f"Ends with its `{declaration.goes_with}`."
