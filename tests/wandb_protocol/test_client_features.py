"""Each feature that the server announces, used by the real client. Announcing one more fails here first."""

from __future__ import annotations

import pytest

from apps.wandb_protocol.graphql.server_info import FEATURES
from tests.wandb_protocol.client import IS_OLDER, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client"), pytest.mark.embedded]
LOG = """
    run = wandb.init(project="features", id="{name}", settings=wandb.Settings({more}x_file_stream_transmit_interval=1))
    for i in range(100): run.log({{"i": i}})
    run.finish()
"""


def test_announced_features_are_the_ones_used_here() -> None:
    of_artifacts = {"CLIENT_IDS", "LARGE_FILENAMES", "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
                    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES", "ARTIFACT_TAGS", "TOTAL_COUNT_IN_FILE_CONNECTION",
                    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID", "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
                    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION"}  # fmt: skip  # test_client_artifacts.py
    of_registries = {"ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE", "ARTIFACT_REGISTRY_SEARCH",
                     "INCLUDE_ARTIFACT_TYPES_IN_REGISTRY_CREATION"}  # fmt: skip  # test_client_registry.py
    assert set(FEATURES) - of_artifacts - of_registries == {"FILESTREAM_GZIP", "MARK_RUN_FILES_UPLOADED"}


@pytest.mark.skipif(IS_OLDER, reason="older clients have no such setting")
def test_filestream_gzip(client_of_alice: WandbClient) -> None:
    client_of_alice.run(LOG.format(name="zipped", more="x_file_stream_no_gzip=False, "))

    assert [row["i"] for row in client_of_alice.rows("features", "zipped")] == list(range(100))


def test_mark_run_files_uploaded(client_of_alice: WandbClient) -> None:
    client_of_alice.run(LOG.format(name="later", more=""))

    client_of_alice.run("""
        open("late.txt", "w").write("late")
        wandb.Api().run("alice/features/later").upload_file("late.txt")
    """)

    assert client_of_alice.file("features", "later", "late.txt") == b"late"
    assert client_of_alice.run_of("features", "later", "state") == {"state": "finished"}
