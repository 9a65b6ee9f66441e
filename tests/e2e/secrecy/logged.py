"""What a person writes by each door, a marker for each place of it, and the scripts that log it and read it back."""

from __future__ import annotations

from tests.e2e.secrecy import beyond, people
from tests.e2e.secrecy.search import Marker, new_number, new_text

# What a script logs, by the place it goes to.
TEXTS = [
    "key_name",
    "service_name",
    "service_key_name",
    "team_project",
    "project_description",
    "link_label",
    "invited_name",
    "project",
    "run_id",
    "display_name",
    "notes",
    "tag",
    "group",
    "job_type",
    "config_key",
    "config_value",
    "config_nested",
    "config_list",
    "config_other",
    "metric_name",
    "nested_metric",
    "text_value",
    "summary_key",
    "summary_value",
    "stdout",
    "stderr",
    "file_name",
    "file_bytes",
    "folder_name",
    "table_column",
    "table_cell",
    "html_text",
    "alert_title",
    "alert_text",
    "webhook_address",
    "view_name",
    "view_words",
    "argument",
    "script_name",
    "system_host",
    "defined_metric",
    "histogram_name",
    "artifact_name",
    "artifact_type",
    "artifact_words",
    "artifact_key",
    "artifact_value",
    "artifact_alias",
    "artifact_tag",
    "artifact_path",
    "artifact_bytes",
    "artifact_ref",
    "later_note",
    "api_tag",
    "branch_config",
    *beyond.TEXTS,
    *people.TEXTS,
    people.USER_AGENT,
]
# Of these there are many, each with a marker of its own: what one value is spared, the thousandth may not be.
MANY = {
    "config keys": 120,
    "config values": 120,
    "metrics": 80,
    "words": 120,
    "tags": 10,
    "summary keys": 60,
    "summary values": 60,
    "lines": 100,
    "files": 30,
    "columns": 20,
    "cells": 200,
    "metadata keys": 60,
    "metadata values": 60,
    "paths": 60,
}
NUMBERS = ("metric_value", "summary_number", "config_number")
# What an enemy, or a mistake, sends: refused, and not to be found either.
REFUSED = [
    "bad_variable",
    "bad_query",
    "bad_body",
    "bad_stream",
    "bad_line",
    "bad_path",
    "bad_csrf_path",
    "bad_host",
    "bad_filter",
    "bad_key",
    "code_file",
    "bad_put",
    "bad_login",
    "bad_range",
    "page_query",
    "bad_header",
    "bad_id",
    "bad_query_string",
    *beyond.NOT_BROUGHT,
]
# Sent by the client and not kept at all (data minimisation): to be found nowhere, not even when read back.
NOT_READ_BACK = {
    "system_host",
    "script_name",
    "file_bytes",
    "histogram_name",
    people.USER_AGENT,
}

TRAIN = """
import os, sys, wandb
m = json.loads(sys.argv[1])
settings = wandb.Settings(x_file_stream_transmit_interval=1, x_stats_sampling_interval=1.0, host=m["system_host"])
run = wandb.init(
    project=m["project"], id=m["run_id"], name=m["display_name"], notes=m["notes"], tags=[m["tag"]], group=m["group"],
    job_type=m["job_type"], settings=settings,
    config={m["config_key"]: m["config_value"], "nested": {"deep": {"損失": m["config_nested"]}},
            "list": [1, [m["config_list"]]], "ключ": "é " + m["config_other"] + " 漢", "number": m["config_number"]},
)
def many(group): return [m[name] for name in m if name.startswith(group + " ")]
run.config.update(dict(zip(many("config keys"), many("config values"))))
run.tags += tuple(many("tags"))
run.define_metric(m["defined_metric"], summary="max")
for step in range(40):
    run.log({m["metric_name"]: m["metric_value"], "nest": {m["nested_metric"]: step}, "word": m["text_value"], m["defined_metric"]: step})
    if step % 10 == 0:
        print("out", m["stdout"], flush=True)
        print("err", m["stderr"], file=sys.stderr, flush=True)
print(*many("lines"), sep="\\n", flush=True)
run.log({name: number for number, name in enumerate(many("metrics"))} | {"word%d" % number: word for number, word in enumerate(many("words"))})
rows = [many("cells")[at:at + 20] for at in range(0, 200, 20)]
run.log({"large": wandb.Table(columns=many("columns"), data=rows)})
run.summary.update(dict(zip(many("summary keys"), many("summary values"))))
run.log({m["histogram_name"]: wandb.Histogram([1.0, 2.0, 2.5])})
run.log({"table": wandb.Table(columns=[m["table_column"]], data=[[m["table_cell"]]])})
run.log({"page": wandb.Html("<p>" + m["html_text"] + "</p>")})
run.summary[m["summary_key"]] = m["summary_value"]
run.summary["number"] = m["summary_number"]
os.makedirs(m["folder_name"], exist_ok=True)
with open(m["folder_name"] + "/" + m["file_name"] + ".bin", "w") as file:
    file.write((m["file_bytes"] + " ") * 5000)
for name in many("files"):
    with open(m["folder_name"] + "/" + name + ".txt", "w") as file:
        file.write(name)
run.save(m["folder_name"] + "/*", policy="now")
run.alert(title=m["alert_title"], text=m["alert_text"])
made = wandb.Artifact(
    m["artifact_name"], m["artifact_type"], description=m["artifact_words"],
    metadata={m["artifact_key"]: m["artifact_value"]} | dict(zip(many("metadata keys"), many("metadata values"))),
)
with made.new_file(m["artifact_path"] + "/x.txt") as file:
    file.write(m["artifact_bytes"])
for name in many("paths"):
    with made.new_file("many/" + name + ".txt") as file:
        file.write(name)
made.add_reference("s3://bucket/" + m["artifact_ref"], name="there", checksum=False)
run.log_artifact(made, aliases=[m["artifact_alias"]], tags=[m["artifact_tag"]]).wait()
run.finish()
answer(run.path)
"""

READ = """
import sys, wandb
m = json.loads(sys.argv[1])
api = wandb.Api(timeout=60)
path = m["entity"] + "/" + m["project"]
seen = [str(project.name) for project in api.projects(m["entity"])]
for filters in ({"config.%s" % m["config_key"]: m["config_value"]}, {"tags": {"$in": [m["tag"]]}},
                {"display_name": {"$regex": m["display_name"][:10] + ".*"}}, {"group": m["group"], "jobType": m["job_type"]},
                {"summary_metrics.%s" % m["summary_key"]: {"$exists": True}}):
    found = list(api.runs(path, filters=filters, order="-summary_metrics." + m["metric_name"]))
    assert len(found) == 1, (filters, len(found))
run = api.run(path + "/" + m["run_id"])
seen += [run.name, run.notes, str(run.tags), str(run.group), str(run.job_type), json.dumps(run.config), str(run.summary._json_dict)]
seen += [json.dumps(row, default=str) for row in run.scan_history()]
seen += [json.dumps(row, default=str) for row in run.history(samples=20, pandas=False)]
seen += [row for row in map(str, run.history(samples=20, keys=[m["metric_name"]], pandas=False))]
for file in run.files():
    seen.append(file.name)
    if file.name.endswith(".bin"):
        seen.append(file.download(root="read", replace=True).read()[:200])
got = api.artifact(path + "/" + m["artifact_name"] + ":" + m["artifact_alias"])
seen += [got.name, got.type, got.description, json.dumps(got.metadata), str(got.aliases), str(got.tags)]
seen += [str([(name, entry.ref) for name, entry in got.manifest.entries.items()])]
seen += [open(got.get_entry(m["artifact_path"] + "/x.txt").download(root="got")).read()]
run.notes = m["later_note"]
run.tags.append(m["api_tag"])
run.update()
seen += [api.run(path + "/" + m["run_id"]).notes]
answer(" ".join(seen))
"""


def new_markers() -> dict[str, Marker]:
    texts = {name: new_text(name) for name in (*TEXTS, *REFUSED, *names_of_many())}
    return texts | {name: new_number(name) for name in NUMBERS}


def names_of_many() -> list[str]:
    return [f"{group} {number}" for group, count in MANY.items() for number in range(count)]
