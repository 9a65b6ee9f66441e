from __future__ import annotations

from django.test import Client


def test_health_answers_without_asking_a_store(client: Client) -> None:
    response = client.get("/health")  # the test has no database to ask

    assert (response.status_code, response.content) == (200, b"ok\n")
