"""Scripts of the frameworks that people train with, by their real packages: nothing in them says where they log to.

Each trains something tiny on the CPU and tells what it saw itself; the instance must have the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.e2e.clients import Client, browser_of
from tests.live import ROOT, LiveServer

PYTHON = ROOT / ".venv-frameworks/bin/python"

pytestmark = [
    pytest.mark.live,
    pytest.mark.embedded,
    pytest.mark.skipif(
        not PYTHON.exists(), reason="make frameworks installs them, apart: they are gigabytes"
    ),
]

_SKLEARN = """
import wandb
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
iris, patients = load_iris(), load_diabetes()
class Clusters(KMeans):
    _estimator_type = "clusterer"  # the client looks for what newer scikit-learn no longer says
with wandb.init(project="frames", id="sklearn"):
    x, xt, y, yt = train_test_split(iris.data, iris.target, random_state=1)
    forest = RandomForestClassifier(n_estimators=5, random_state=1).fit(x, y)
    wandb.sklearn.plot_classifier(
        forest, x, xt, y, yt, forest.predict(xt), forest.predict_proba(xt), list(iris.target_names),
        model_name="forest", feature_names=iris.feature_names)
    x, xt, y, yt = train_test_split(patients.data, patients.target, random_state=1)
    wandb.sklearn.plot_regressor(Ridge().fit(x, y), x, xt, y, yt, model_name="ridge")
    three = Clusters(3, n_init=1, random_state=1).fit(iris.data)
    wandb.sklearn.plot_clusterer(three, iris.data, three.labels_, list(iris.feature_names), model_name="three")
answer(True)
"""
_XGBOOST = """
import numpy, pathlib, wandb, xgboost
from wandb.integration.xgboost import WandbCallback
with wandb.init(project="frames", id="xgboost"):
    x = numpy.random.default_rng(1).normal(size=(200, 4))
    y = x[:, 0] * 2 + x[:, 1]
    model = xgboost.XGBRegressor(
        n_estimators=6, max_depth=2, eval_metric=["rmse", "mae"], callbacks=[WandbCallback(log_model=True)])
    model.fit(x, y, eval_set=[(x, y)], verbose=False)
folder = wandb.Api().artifact("alice/frames/xgboost_model.json:latest").download()
again = xgboost.Booster(model_file=next(pathlib.Path(folder).iterdir()))
same = numpy.array_equal(again.predict(xgboost.DMatrix(x)), model.predict(x))
answer({"seen": model.evals_result()["validation_0"], "same": bool(same)})
"""
_LIGHTNING = """
import pathlib, torch, lightning, wandb
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
mse = torch.nn.functional.mse_loss
class Tiny(lightning.LightningModule):
    def __init__(self, width=4, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(width, 1)
        self.seen = []
    def training_step(self, batch, _):
        loss = mse(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss
    def validation_step(self, batch, _):
        self.log("val_loss", mse(self.net(batch[0]), batch[1]))
    def on_validation_epoch_end(self):
        self.seen.append(float(self.trainer.callback_metrics["val_loss"]))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
torch.manual_seed(1)
x = torch.randn(64, 4)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=16)
model, logger = Tiny(), WandbLogger(project="frames", id="lightning", name="tiny", log_model="all")
logger.watch(model, log_freq=1)
saves = ModelCheckpoint(dirpath="saved", monitor="val_loss")
trainer = lightning.Trainer(
    max_epochs=3, logger=logger, callbacks=[saves], log_every_n_steps=1, num_sanity_val_steps=0,
    accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
trainer.fit(model, data, data)
logger.log_text("texts", columns=["word"], data=[["hello"]])
logger.log_image("pictures", [torch.rand(3, 8, 8)])
wandb.finish()
folder = wandb.Api().artifact("alice/frames/model-lightning:best").download()
same = pathlib.Path(folder, "model.ckpt").read_bytes() == pathlib.Path(saves.best_model_path).read_bytes()
answer({"seen": model.seen, "same": same})
"""
_KERAS = """
import keras, numpy, pathlib, wandb
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint
keras.utils.set_random_seed(1)
x = numpy.random.default_rng(1).normal(size=(64, 4))
with wandb.init(project="frames", id="keras"):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    done = model.fit(
        x, x.sum(1), epochs=3, validation_split=0.25, verbose=0,
        callbacks=[WandbMetricsLogger(), WandbModelCheckpoint("model.keras")])
folder = wandb.Api().artifact("alice/frames/run_keras_model:latest").download()
same = pathlib.Path(folder, "model.keras").read_bytes() == pathlib.Path("model.keras").read_bytes()
answer({"seen": done.history, "same": same})
"""
_TRAINER = """
import torch, wandb
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
torch.manual_seed(1)
small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
model = BertForSequenceClassification(BertConfig(vocab_size=32, max_position_embeddings=16, **small))
rows = [{"input_ids": torch.randint(0, 32, (8,)), "labels": torch.tensor(n % 2)} for n in range(32)]
arguments = TrainingArguments(
    "out", report_to="wandb", run_name="tiny-bert", num_train_epochs=2, per_device_train_batch_size=8,
    logging_steps=1, eval_strategy="epoch", save_strategy="epoch", use_cpu=True, disable_tqdm=True)
trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows)
trainer.train()
wandb.finish()
folder = wandb.Api().artifact("alice/frames/model-tiny-bert:latest").download()
again = BertForSequenceClassification.from_pretrained(folder).state_dict()
same = all(torch.equal(value, again[name]) for name, value in trainer.model.state_dict().items())
seen = trainer.state.log_history
answer({name: [row[name] for row in seen if name in row] for name in ("loss", "eval_loss")} | {"same": same})
"""
_READ = """
import wandb
run = wandb.Api(timeout=60).run(f"alice/frames/{sys.argv[1]}")
answer({
    "rows": list(run.scan_history()), "config": run.config, "state": run.state,
    "models": [made.name for made in run.logged_artifacts() if made.type == "model"]})
"""


class Instance:
    def __init__(self, server: LiveServer, client: Client, browser: requests.Session) -> None:
        self.server, self.client, self.browser = server, client, browser

    def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.ask(_READ, run)
        assert found["state"] == "finished"
        return found

    def panels(self, run: str) -> dict[str, str | None]:
        """What the run's page shows of its media: the name of each, and the form it is drawn in if it is a chart."""
        page = self.browser.get(f"{self.server.url}/alice/frames/runs/{run}/media", timeout=60).text
        assert "Not here" not in page
        panels = (panel.partition('"') for panel in page.split('data-media="')[1:])
        found = {name: re.search(r'class="drawn-plot plot-(\w+)"', panel) for name, _quote, panel in panels}
        return {name: shape[1] if shape else None for name, shape in found.items()}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HF_HUB_OFFLINE": "1",
        "WANDB_PROJECT": "frames",
        "WANDB_LOG_MODEL": "end",
    }
    with LiveServer() as server:
        server.account("alice")
        with Client(server.url, python=str(PYTHON), env=quiet) as client:
            yield Instance(server, client, browser_of(server, "alice"))


def values(rows: list[dict[str, Any]], key: str) -> list[Any]:
    return [row[key] for row in rows if row.get(key) is not None]


def test_plots_of_scikit_learn_are_drawn(instance: Instance) -> None:
    assert instance.client.ask(_SKLEARN, seconds=250)

    assert instance.panels("sklearn") == {
        "class_proportions": "bars",
        "confusion_matrix": "matrix",
        "elbow_curve": "lines",
        "feature_importances": "bars",
        "learning_curve": "lines",
        "outlier_candidates": "dots",
        "precision_recall_table": "lines",
        "residuals": "dots",
        "roc_table": "lines",
        "silhouette_plot": "dots",
        "summary_metrics": "bars",
    }


def test_xgboost_logs_each_round_and_its_model(instance: Instance) -> None:
    told = instance.client.ask(_XGBOOST, seconds=250)

    found = instance.read("xgboost")
    assert {name: values(found["rows"], f"validation_0-{name}") for name in ("rmse", "mae")} == told["seen"]
    assert found["config"]["learner"]["objective"]["name"] == "reg:squarederror"
    assert (found["models"], told["same"]) == (["xgboost_model.json:v0"], True)
    assert instance.panels("xgboost") == {"Feature Importance_table": "bars"}


def test_the_logger_of_lightning(instance: Instance) -> None:
    told = instance.client.ask(_LIGHTNING, seconds=250)

    found = instance.read("lightning")
    assert values(found["rows"], "val_loss") == told["seen"]
    assert len(values(found["rows"], "train_loss")) == 12
    assert {each["_type"] for each in values(found["rows"], "gradients/net.weight")} == {"histogram"}
    assert found["config"] == {"width": 4, "lr": 0.1}
    assert sorted(found["models"]) == [f"model-lightning:v{number}" for number in range(3)]
    assert told["same"] is True
    assert instance.panels("lightning") == {"pictures": None, "texts": None}


def test_the_callbacks_of_keras(instance: Instance) -> None:
    told = instance.client.ask(_KERAS, seconds=250)

    found = instance.read("keras")
    assert {name: values(found["rows"], f"epoch/{name}") for name in ("loss", "val_loss")} == told["seen"]
    assert sorted(found["models"]) == [f"run_keras_model:v{number}" for number in range(3)]
    assert told["same"] is True


def test_the_trainer_of_hugging_face(instance: Instance) -> None:
    told = instance.client.ask(_TRAINER, seconds=250)

    (run,) = instance.client.ask(
        "import wandb; answer([r.id for r in wandb.Api().runs('alice/frames', {'displayName': 'tiny-bert'})])"
    )
    found = instance.read(run)
    assert values(found["rows"], "train/loss") == told["loss"]
    assert values(found["rows"], "eval/loss") == told["eval_loss"]
    assert found["config"]["vocab_size"] == 32
    assert sorted(found["models"]) == ["model-tiny-bert:v0", "model-tiny-bert:v1"]
    assert told["same"] is True
