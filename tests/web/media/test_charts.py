"""Custom charts: each look of the client drawn from its table, in the run's page and over each other; hostile ones harmless."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core import jsontext
from apps.files.media.charts import Chart, charts_of
from apps.files.media.tables import Table
from apps.projects.models import Project
from apps.runs.models import Run
from apps.web.media.charts import LOOKS, MOST_BYTES, Drawing, Look, Shape, Source
from apps.web.media.plots import MOST_BARS, MOST_POINTS
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of
from tests.web.media.conftest import Store

PAGE = "/lab/vision/runs/drawn/media"
# The columns of the tables that wandb 0.31.0 makes for its looks, and two rows of each.
TABLES: dict[str, tuple[list[str], list[list[Any]]]] = {
    "wandb/line/v0": (["x", "y"], [[0, 1.0], [1, 3.0]]),
    "wandb/lineseries/v0": (["step", "lineKey", "lineVal"], [[0, "a", 1], [0, "b", 2], [1, "a", 5]]),
    "wandb/area-under-curve/v0": (["class", "y", "x"], [["cat", 0.5, 0.0], ["cat", 1.0, 1.0]]),
    "wandb/scatter/v0": (["x", "y"], [[0, 1.0], [1, 3.0]]),
    "wandb/bar/v0": (["label", "value"], [["car", 0.5], ["bus", -0.25]]),
    "wandb/histogram/v0": (["value"], [[1], [2], [2]]),
    "wandb/confusion_matrix/v1": (
        ["Actual", "Predicted", "nPredictions"],
        [["cat", "cat", 5.0], ["cat", "dog", 1.0], ["dog", "cat", 0.0], ["dog", "dog", 4.0]],
    ),
    "wandb/calibration/v1": (
        ["model", "fraction_of_positives", "mean_predicted_value", "hist_dict", "edge_dict"],
        [["m", 0.1, 0.2, 3, 0.0], ["m", 0.9, 0.8, 4, 0.5]],
    ),
    "wandb/class_proportions/v1": (["class", "dataset", "count"], [["cat", "train", 3], ["cat", "test", 1]]),
    "wandb/decision_boundaries/v1": (["x", "y", "color"], [[0, 1, "a"], [2, 2, "b"]]),
    "wandb/elbow/v1": (["cluster_ranges", "errors", "clustering_time"], [[1, 9.0, 0.1], [2, 5.0, 0.2]]),
    "wandb/feature_importances/v1": (["feature_names", "importances"], [["age", 0.7], ["size", 0.3]]),
    "wandb/learning_curve/v1": (["dataset", "score", "train_size"], [["train", 0.9, 10], ["test", 0.5, 10]]),
    "wandb/metrics/v1": (
        ["metric_name", "metric_value", "model_name"],
        [["f1", 0.8, "m"], ["acc", 0.9, "m"]],
    ),
    "wandb/outliers/v1": (
        ["distance", "instance_indicies", "outlier_percentage", "influence_threshold"],
        [[0.1, 0, 1.0, 2.0], [0.5, 1, 1.0, 2.0]],
    ),
    "wandb/residuals_plot/v1": (
        ["dataset", "y_pred", "residuals", "train_score", "test_score"],
        [["train", 1.0, 0.1, 0.9, 0.8], ["test", 2.0, -0.3, 0.9, 0.8]],
    ),
    "wandb/silhouette_/v1": (
        ["x", "y", "colors", "centerx", "centery", "y_sil", "x1", "x2", "color_sil", "silhouette_avg"],
        [[0, 1, 0, 0, 1, 5, 0, 0.4, 0, 0.5], [2, 3, 1, 2, 3, 6, 0, 0.6, 1, 0.5]],
    ),
}
PLOTS = {
    "wandb/calibration/v1": 2,
    "wandb/elbow/v1": 2,
    "wandb/residuals_plot/v1": 2,
    "wandb/silhouette_/v1": 2,
}


def drawing(look: str, columns: list[str], *rows: list[Any], **fields: str) -> Drawing:
    return Drawing(Chart("key", look, fields), (Source(Table(tuple(columns), list(rows))),))


def facts(look: str, **strings: str) -> dict[str, Any]:
    """What the client says of one chart, `key`."""
    panel = {"panelDefId": look, "fieldSettings": {"x": "x", "stroke": None}, "stringSettings": strings}
    return {"visualize": {"key": {"panel_type": "Vega2", "panel_config": panel}}}


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_of_the_client_is_drawn_from_its_columns(look: str) -> None:
    columns, rows = TABLES[look]

    plots = drawing(look, columns, *rows).plots

    assert len(plots) == PLOTS.get(look, 1)
    for plot in plots:
        assert plot.bars or plot.cells or any(trace.path for trace in plot.traces)


def test_the_looks_are_those_of_the_client() -> None:
    assert set(TABLES) == set(LOOKS)


def test_lines_go_from_left_to_right_between_round_numbers() -> None:
    (plot,) = drawing("wandb/line/v0", ["a", "b"], [10, 4.0], [0, 0.0], [5, 1.0], x="a", y="b").plots

    assert plot.x_ticks == ("0", "2.5", "5", "7.5", "10")
    assert plot.y_ticks == ("0", "1", "2", "3", "4")
    assert [each.path for each in plot.traces] == ["M0.0 500.0L500.0 375.0L1000.0 0.0"]


def test_below_a_curve_is_an_area_from_nothing() -> None:
    columns, rows = TABLES["wandb/area-under-curve/v0"]

    (plot,) = drawing("wandb/area-under-curve/v0", columns, *rows).plots
    (several,) = drawing("wandb/area-under-curve/v0", columns, *rows, ["dog", 1.0, 1.0]).plots

    assert plot.traces[0].area == "M0.0 250.0L1000.0 0.0V500H0.0Z"
    assert [each.area for each in several.traces] == ["", ""]


def test_groups_are_series_with_a_legend() -> None:
    columns, rows = TABLES["wandb/lineseries/v0"]

    (plot,) = drawing("wandb/lineseries/v0", columns, *rows).plots

    assert plot.legend == (("run-1", "a"), ("run-2", "b"))


def test_bars_go_both_ways_from_nothing() -> None:
    columns, rows = TABLES["wandb/bar/v0"]

    (plot,) = drawing("wandb/bar/v0", columns, *rows).plots

    assert plot.zero == "333.3"
    assert [(name, bar.start, bar.length, bar.value) for name, (bar,) in plot.bars] == [
        ("car", "333.3", "666.7", "0.5"),
        ("bus", "0.0", "333.3", "-0.25"),
    ]


def test_a_matrix_is_darker_where_there_is_more() -> None:
    columns, rows = TABLES["wandb/confusion_matrix/v1"]

    (plot,) = drawing("wandb/confusion_matrix/v1", columns, *rows).plots

    assert plot.names == ("cat", "dog")
    assert plot.cells == (("cat", (("5", 8), ("1", 2))), ("dog", (("0", 0), ("4", 7))))


def test_counts_hold_every_value_once() -> None:
    (plot,) = drawing("wandb/histogram/v0", ["v"], *[[n / 10] for n in range(101)], value="v").plots

    assert plot.x_ticks == ("0", "2.5", "5", "7.5", "10")
    assert plot.traces[0].path.count("V") == 31


@pytest.mark.parametrize(
    "rows",
    [
        [[10**400, 1], [1e308, -1e308], [float("nan"), float("inf")], [5e-324, 0], [0, 1e-310]],
        [[True, False], ["<b>", {"a": 1}], [[], None]],
        [[1e300, 1e300], [-1e300, -1e300]],
        [[3, 3]],
        [[], [1]],
    ],
)
@pytest.mark.parametrize("look", ["wandb/line/v0", "wandb/scatter/v0", "wandb/bar/v0", "wandb/histogram/v0"])
def test_odd_values_are_left_out_and_no_path_is_broken(look: str, rows: list[list[Any]]) -> None:
    fields = {"x": "a", "y": "b", "label": "a", "value": "b"}

    plots = drawing(look, ["a", "b"], *rows, **fields).plots

    written = repr(plots)
    assert "nan" not in written.replace("name", "")
    assert "inf" not in written


def test_a_great_many_rows_are_thinned_and_it_is_said() -> None:
    (plot,) = drawing("wandb/line/v0", ["x", "y"], *[[n, n % 7] for n in range(50_000)]).plots
    (bars,) = drawing("wandb/bar/v0", ["label", "value"], *[[f"n{n}", n] for n in range(500)]).plots

    assert plot.is_part
    assert plot.shown <= MOST_POINTS
    assert (bars.shown, bars.total, len(bars.bars)) == (MOST_BARS, 500, MOST_BARS)


def test_names_stand_across_where_there_is_no_number() -> None:
    (plot,) = drawing("wandb/line/v0", ["x", "y"], *[[day, 1] for day in "abcde"]).plots

    assert plot.x_ticks == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize(
    "said", [None, [], {"visualize": []}, {"visualize": {"a": 1}}, {"visualize": {"a": {"panel_config": []}}},
             {"viz": {"a": {"id": 7}}}, {"visualize": {"a": {"panel_config": {"panelDefId": {}}}}}]
)  # fmt: skip
def test_a_config_that_says_nonsense_says_nothing(said: Any) -> None:
    assert charts_of(said or {}) == {}


def test_a_chart_is_found_by_its_table_in_each_place_that_the_client_has_for_it() -> None:
    found = charts_of(facts("wandb/bar/v0") | {"viz": {"roc": {"id": "wandb/elbow/v1"}}})

    assert {name: chart.key for name, chart in found.items()} == {
        "key_table": "key",
        "Custom Chart Tables/key_table": "key",
        "roc": "roc",
    }


@pytest.fixture
def drawn(vision: Project, alice: User, log: Log, store: Store) -> Any:
    """A run with one chart, and how to make others."""

    def make(name: str = "drawn", look: str = "wandb/line/v0", table: Any = None, **strings: str) -> Run:
        config = {"_wandb": {"value": facts(look, **strings)}}
        run = work.run(vision, name, by=alice, config_text=jsontext.dumps(config))
        path = f"media/table/key_table_{name}.table.json"
        value = {"_type": "table-file", "path": path, "nrows": 2, "ncols": 2}
        log(run, [{"_step": 0, "key_table": value}])
        store(run, {path: json.dumps(table or {"columns": ["x", "y"], "data": [[0, 1], [1, 3]]}).encode()})
        return Run.objects.select_related("project__entity").get(pk=run.pk)

    return make


def test_the_page_shows_the_chart_with_its_title_and_its_table(visit: Visit, drawn: Any) -> None:
    drawn(title="My line")

    answer = visit(PAGE, by="vera")
    page = answer.content.decode()

    assert '<path class="trace run-1" d="M0.0' in page
    assert "My line" in text_of(answer)
    assert "<bdi>key</bdi>" in page
    assert f"{PAGE}/table?key=key_table" in page


def test_a_look_of_somebody_is_drawn_apart_beside_its_rows(visit: Visit, drawn: Any) -> None:
    drawn(look="lab/<script>alert(1)</script>")

    answer = visit(PAGE, by="vera")

    assert ", from: x x x y 0 1 1 3" in text_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_what_a_table_says_is_text(visit: Visit, drawn: Any) -> None:
    evil = "<img src=x onerror=alert(1)>"
    drawn(look="wandb/bar/v0", table={"columns": ["label", "value"], "data": [[evil, 1]]}, title=evil)

    page = visit(PAGE, by="vera").content.decode()

    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 2


def test_a_table_beyond_what_a_panel_reads_is_a_table(visit: Visit, drawn: Any) -> None:
    drawn(table={"columns": ["x", "y"], "data": [[0, "y" * MOST_BYTES]]})

    page = visit(PAGE, by="vera").content.decode()

    assert 'class="trace' not in page
    assert f"{PAGE}/table?key=key_table" in page


def test_runs_are_drawn_over_each_other_in_their_colours(visit: Visit, drawn: Any) -> None:
    one, two = drawn(), drawn("other", table={"columns": ["x", "y"], "data": [[0, 5], [1, 9]]})

    page = visit("/lab/vision/compare/media", by="vera", runs="drawn,other", key="key_table").content.decode()

    together = page.partition("together-drawn")[2].partition("</section>")[0]
    swatches = re.findall(r'class="trace ([^"]+)"', together)
    assert swatches == [f"run-{one.number}", f"run-{two.number}"]
    assert re.findall(r'<bdi title="([^"]+)"', together)[:2]


def test_matrices_stand_side_by_side_only(visit: Visit, drawn: Any) -> None:
    columns, rows = TABLES["wandb/confusion_matrix/v1"]
    for name in ("drawn", "other"):
        drawn(name, look="wandb/confusion_matrix/v1", table={"columns": columns, "data": rows})

    page = visit("/lab/vision/compare/media", by="vera", runs="drawn,other", key="key_table").content.decode()

    assert page.count('class="matrix"') == 2


def test_one_run_alone_is_not_drawn_over_itself(visit: Visit, drawn: Any) -> None:
    drawn()

    page = visit("/lab/vision/compare/media", by="vera", runs="drawn", key="key_table").content.decode()

    assert "together-drawn" not in page
    assert 'class="trace run-1"' in page


def test_shapes_and_looks_name_each_other() -> None:
    assert {look.shape for looks in LOOKS.values() for look in looks} == set(Shape)
    assert all(isinstance(look, Look) for looks in LOOKS.values() for look in looks)
