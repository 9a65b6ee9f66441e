"""A client of the door that needs no network: GraphQL, file stream and uploads through Django's test client."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

Json = dict[str, Any]

UPSERT = """
mutation Start($input: UpsertBucketInput!) {
  upsertBucket(input: $input) {
    inserted
    bucket { id name displayName config historyLineCount project { name entity { name } } }
  }
}
"""
FILES = """
mutation Room($input: CreateRunFilesInput!) {
  createRunFiles(input: $input) { runID uploadHeaders files { name uploadUrl } }
}
"""


@dataclass
class Asker:
    """Somebody with a key, or without one."""

    key: str = ""
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @property
    def headers(self) -> dict[str, str]:
        if not self.key:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()}

    def post(self, path: str, body: bytes, **headers: str) -> Any:
        return self.http.post(path, body, content_type="application/json", headers=self.headers | headers)

    def ask(self, query: str, **variables: Any) -> Json:
        """The whole answer to a GraphQL request that is expected to end with status 200."""
        response = self.post("/graphql", json.dumps({"query": query, "variables": variables}).encode())
        assert response.status_code == 200, response.content
        answer: Json = json.loads(response.content)
        return answer

    def data(self, query: str, **variables: Any) -> Json:
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer
        data: Json = answer["data"]
        return data

    def error(self, query: str, **variables: Any) -> str:
        answer = self.ask(query, **variables)
        assert answer.get("errors"), answer
        message: str = answer["errors"][0]["message"]
        return message

    def start(
        self, name: str = "run1", project: str = "demo", entity: str | None = None, **more: Any
    ) -> Json:
        sent = {"name": name, "modelName": project, "entityName": entity, **more}
        bucket: Json = self.data(UPSERT, input=sent)["upsertBucket"]["bucket"]
        return bucket

    def stream(self, path: str, message: Json | bytes, **headers: str) -> Any:
        """POST to the file stream of "entity/project/run"."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.post(f"/files/{path}/file_stream", body, **headers)

    def room_for(self, path: str, *names: str) -> dict[str, str | None]:
        entity, project, run = path.split("/")
        sent = {"entityName": entity, "projectName": project, "runName": run, "files": list(names)}
        files = self.data(FILES, input=sent)["createRunFiles"]["files"]
        assert [file["name"] for file in files] == list(names)
        return {file["name"]: file["uploadUrl"] for file in files}

    def put(self, url: str, data: bytes, **headers: str) -> Any:
        """PUT as the client does: no key, no content type."""
        path = "/" + url.split("/", 3)[3] if url.startswith("http") else url
        return self.http.put(
            path, data, content_type="", headers={"Content-Length": str(len(data))} | headers
        )

    def get(self, url: str, *, with_key: bool = True, **headers: str) -> Any:
        path = "/" + url.split("/", 3)[3] if url.startswith("http") else url
        return self.http.get(path, headers=(self.headers if with_key else {}) | headers)


def history(*rows: Json, offset: int = 0) -> Json:
    return {
        "files": {"wandb-history.jsonl": {"offset": offset, "content": [json.dumps(row) for row in rows]}}
    }
