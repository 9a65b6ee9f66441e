from __future__ import annotations

import pytest

from apps.code_saving.policy import is_code, keeps_artifact, keeps_file

CODE = [
    "code/train.py",
    "code/src/deep/model.py",
    "code\\train.py",
    "./code/train.py",
    "CODE/train.py",
    "diff.patch",
    "upstream_diff_0f3a.patch",
    "sub/dir/diff.PATCH",
    "notebook.ipynb",
    "nested/notebook.ipynb",
    "_session_history.ipynb",
    "code/_session_history.ipynb",
]
NO_CODE = [
    "config.yaml",
    "output.log",
    "wandb-summary.json",
    "requirements.txt",
    "media/images/a.png",
    "decode/train.txt",
    "my/code/train.py",
    "patch",
    "a.patch.txt",
    "train.py",
    "",
    "猫.png",
]


@pytest.mark.parametrize("name", CODE)
def test_code_is_kept_only_where_saving_is_on(name: str) -> None:
    assert is_code(name)
    assert keeps_file(name, saving_on=True)
    assert not keeps_file(name, saving_on=False)


@pytest.mark.parametrize("name", NO_CODE)
def test_what_is_no_code_is_kept(name: str) -> None:
    assert not is_code(name)
    assert keeps_file(name, saving_on=False)


@pytest.mark.parametrize(
    ("type_name", "collection", "kept"),
    [
        ("model", "weights", True),
        ("code", "my-library", True),
        ("code", "source-vision-train.py", False),
        ("code", "source-\n", False),
        ("dataset", "source-data", True),
        ("job", "job-anything", False),
    ],
)
def test_artifacts_the_client_makes_by_itself_are_code(type_name: str, collection: str, kept: bool) -> None:
    assert keeps_artifact(type_name, collection, saving_on=False) is kept
    assert keeps_artifact(type_name, collection, saving_on=True)
