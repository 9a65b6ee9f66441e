"""Training curves that look like training curves: decay, plateaus, noise, spikes. Pure, and the same for a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

_BINS = 48


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a made-up run was set to; better settings give better curves."""

    model: str
    learning_rate: float
    batch_size: int
    augmentation: str
    epochs: int
    seed: int

    @property
    def quality(self) -> float:
        """0 to 1: how well this recipe does."""
        size = {"resnet18": 0.2, "resnet50": 0.35, "swin-t": 0.5, "convnext-s": 0.6}[self.model]
        aug = {"none": 0.0, "randaug": 0.12, "cutmix": 0.16, "mixup": 0.2}[self.augmentation]
        off_by = abs(math.log10(self.learning_rate) - math.log10(5e-4))
        return max(
            0.05, min(0.98, size + aug - 0.18 * off_by + random.Random(self.seed).uniform(-0.05, 0.05))
        )


def training(recipe: Recipe, *, steps: int) -> Iterator[dict[str, float]]:
    """One row a step: train/loss and lr always, val/loss and val/acc once an epoch."""
    rng = random.Random(recipe.seed)
    floor = 0.25 + 0.9 * (1 - recipe.quality)
    pace = steps / (4 + 3 * recipe.quality)
    per_epoch = max(1, steps // recipe.epochs)
    for step in range(steps):
        decay = math.exp(-step / pace)
        spike = rng.expovariate(2.0) if rng.random() < 0.004 else 0.0
        loss = floor + (6.9 - floor) * decay + rng.gauss(0, 0.06 + 0.12 * decay) + spike
        rate = recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        row = {
            "train/loss": round(max(0.01, loss), 5),
            "train/grad_norm": round(0.4 + 2 * decay + rng.expovariate(6) + spike, 5),
            "lr": rate,
        }
        if (step + 1) % per_epoch == 0:
            row |= _validation(recipe, rng, decay=decay, floor=floor)
        yield row


def _validation(recipe: Recipe, rng: random.Random, *, decay: float, floor: float) -> dict[str, float]:
    accuracy = (0.62 + 0.27 * recipe.quality) * (1 - decay) + rng.gauss(0, 0.006)
    return {
        "val/loss": round(floor * 1.12 + 5.8 * decay + rng.gauss(0, 0.03), 5),
        "val/acc": round(max(0.001, accuracy), 5),
    }


def weights(recipe: Recipe, step: int, *, steps: int) -> dict[str, object]:
    """A layer's weights as the client writes a histogram: narrow at first, then spread about two centres."""
    trained = 1 - math.exp(-4 * step / steps)
    spread, centre = 0.05 + 0.11 * trained, 0.28 * trained * recipe.quality
    bins = [(place + 0.5) / _BINS * 2 - 1 for place in range(_BINS)]
    counts = [
        round(900 * (_bell((x + centre) / spread) + _bell((x - centre) / spread)) / spread) for x in bins
    ]
    return {
        "_type": "histogram",
        "values": counts,
        "packedBins": {"min": -1.0, "size": 2 / _BINS, "count": _BINS},
    }


def _bell(x: float) -> float:
    return math.exp(-x * x / 2)


def machine(recipe: Recipe, *, minutes: int) -> Iterator[dict[str, float]]:
    """System metrics, one row a minute."""
    rng = random.Random(recipe.seed + 1)
    for minute in range(minutes):
        yield {
            "system.cpu": round(rng.uniform(18, 34), 1),
            "system.gpu.0.gpu": round(min(100, 94 + rng.gauss(0, 3)), 1),
            "system.gpu.0.memoryAllocated": round(71 + 4 * math.tanh(minute / 6) + rng.gauss(0, 0.2), 2),
            "system.gpu.0.temp": round(52 + 18 * math.tanh(minute / 10) + rng.gauss(0, 0.8), 1),
            "system.memory_percent": round(37 + rng.gauss(0, 0.5), 1),
        }
