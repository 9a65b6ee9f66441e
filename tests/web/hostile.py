"""A project in which everything that people name is written to break a page: run by an instance over its own data."""

from __future__ import annotations

PERSON, PROJECT = "alice", '"><img src=x onerror=alert(1)>\u202eegap'
NAMES = {
    "markup": "\"><img src=x onerror=alert(1)><script>alert(2)</script>' onmouseover='alert(3)",
    "turned": "\u202egnp.\u2066exe\u202d\u200f",
    "long": "漢字" * 5000,
    "unbroken": "W" * 10_000,
    "lines": "one\ntwo\r\nthree\tfour \"quotes\" 'and' `more`",
    "emoji": "👩\u200d👩\u200d👧\u200d👦🏴\u200d☠️ é́́́́́",
    "template": "{{ 7*7 }}{% debug %}&amp;&lt;b&gt;javascript:alert(4)",
}


def run_id(kind: str) -> str:
    return f"r-{kind}' onclick='alert(5)"


def make() -> None:
    """Everything through services, as the doors do it."""
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.core import jsontext
    from apps.files.services import announce_files, store_file
    from apps.projects.services import get_or_create_project, update_project
    from apps.runs.history import store
    from apps.runs.services import start_run
    from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

    actor = Actor.person(User.objects.get(username=PERSON))
    project = get_or_create_project(actor, entity=PERSON, name=PROJECT)
    update_project(project, by=actor, description=NAMES["markup"] + NAMES["turned"])
    for kind, word in NAMES.items():
        config = {
            word: {"value": word},
            "nested": {"value": {word: [word, {word: None}]}},
            "lr": {"value": 0.1},
        }
        said = RunPatch(
            display_name=word,
            notes=word,
            tags=[word[:1000], "paper"],
            group=word[:1000],
            job_type=word[:1000],
            config_text=jsontext.dumps(config),
        )
        run = start_run(project, name=run_id(kind), by=actor, patch=said)[0].run
        metric = word[:1500]
        rows = [
            jsontext.dumps({metric: 1 / (n + 1), "val/acc": n / 30, "_step": n, "_runtime": n})
            for n in range(30)
        ]
        line = " ".join(word.split())
        printed = [line, f"ERROR {line}", f"\x1b[31m{line}\x1b[0m", f"\r{line}"]
        system = [jsontext.dumps({f"system.{metric}": 1.0, "_runtime": float(n)}) for n in range(3)]
        streams = {Stream.HISTORY: rows, Stream.OUTPUT: printed, Stream.EVENTS: system}
        summary = jsontext.dumps({metric: 0.5, "val/acc": 0.9, f"best {metric}": word})
        store.append(
            run,
            StreamRequest(
                streams={stream: Lines(first=0, lines=lines) for stream, lines in streams.items()},
                summary_text=summary,
            ),
        )
        names = [f"out/{line[:180]}.txt"]
        for announced in announce_files(run, names):
            if announced.file is not None:
                store_file(announced.file, [word.encode()])
