"""Code as the client would send it with some of the demo's runs: two that differ, so that there is something to compare."""

from __future__ import annotations

from textwrap import dedent

from apps.core import jsontext
from apps.demo.curves import Recipe

MAIN = "code/train.py"


def code_of(recipe: Recipe) -> dict[str, bytes]:
    """The main file, the folder beside it, a patch and a notebook."""
    files = {
        MAIN: _train(recipe),
        "code/vision/augment.py": _augment(recipe),
        "code/vision/model.py": _MODEL,
        "code/look.ipynb": jsontext.dumps(_notebook(recipe)) + "\n",
        "diff.patch": _patch(recipe),
    }
    return {name: dedent(text).lstrip("\n").encode() for name, text in files.items()}


def _train(recipe: Recipe) -> str:
    return f'''
    """Trains one classifier and logs what it does."""
    import torch
    import wandb

    from vision.augment import augment
    from vision.model import build


    def main() -> None:
        run = wandb.init(project="vision")
        model = build("{recipe.model}")
        optimiser = torch.optim.AdamW(model.parameters(), lr={recipe.learning_rate}, weight_decay=0.05)
        for step, (images, labels) in enumerate(batches(size={recipe.batch_size}, epochs={recipe.epochs})):
            loss = model.loss(augment(images), labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            run.log({{"train/loss": loss.item()}}, step=step)


    if __name__ == "__main__":
        main()
    '''


def _augment(recipe: Recipe) -> str:
    body = {
        "none": "return images",
        "randaug": "return RandAugment(num_ops=2, magnitude=9)(images)",
        "cutmix": "return CutMix(alpha=1.0)(images)",
        "mixup": "return MixUp(alpha=0.2)(images)",
    }[recipe.augmentation]
    return f"""
    from torchvision.transforms.v2 import CutMix, MixUp, RandAugment


    def augment(images):
        # One at a time: two together cost more than they gave.
        {body}
    """


_MODEL = '''
    """Models by name, with a head for our classes."""
    import timm

    CLASSES = 100


    def build(name: str):
        return timm.create_model(name, num_classes=CLASSES, pretrained=False)
'''


def _patch(recipe: Recipe) -> str:
    return f"""
    diff --git a/vision/augment.py b/vision/augment.py
    index 3f1c0aa..9b2d417 100644
    --- a/vision/augment.py
    +++ b/vision/augment.py
    @@ -3,4 +3,4 @@ from torchvision.transforms.v2 import CutMix, MixUp, RandAugment

     def augment(images):
         # One at a time: two together cost more than they gave.
    -    return images
    +    return {recipe.augmentation}(images)
    """


def _notebook(recipe: Recipe) -> dict[str, object]:
    cells = [
        {"cell_type": "markdown", "source": ["# A look at the runs\n", "Which augmentation pays?"]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "source": ["best = max(accuracies)\n", "print(f'{best:.3f}')"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": [f"{0.6 + recipe.quality / 4:.3f}\n"]}
            ],
        },
    ]
    language = {"name": "python"}
    return {
        "cells": cells,
        "metadata": {"language_info": language},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
