"""What one live instance owns on the real servers of tests/servers.py: two databases and a bucket."""

from __future__ import annotations

import secrets

import boto3
import psycopg

from tests.servers import BROKER_DATABASES, Servers

KEY = "testing"


class RemotePlaces:
    def __init__(self, servers: Servers, *, has_store: bool = True, name: str | None = None) -> None:
        self.servers = servers
        self.name = name or f"live-{secrets.token_hex(6)}"
        self.database = servers.database(self.name)
        self.vault = servers.database(f"{self.name}-vault")
        self.has_store = has_store
        self.env = {"OWNLOG_DATABASE_URL": self.database, "OWNLOG_VAULT_URL": self.vault}
        if not has_store:
            return  # files and messages stay where `make up` keeps them
        self.env |= {
            "OWNLOG_BROKER_URL": f"{servers.broker}/{secrets.randbelow(BROKER_DATABASES)}",
            "OWNLOG_STORAGE_URL": servers.bucket(self.name),
            "OWNLOG_STORAGE_ACCESS_KEY": KEY,
            "OWNLOG_STORAGE_SECRET_KEY": KEY,
        }

    def make(self, *, like: RemotePlaces | None = None) -> None:
        """New and empty, or a copy of another's databases, to which nobody may be connected."""
        template = [(f'TEMPLATE "{like.name}{part}"' if like else "") for part in ("", "-vault")]
        self._administer(f'CREATE DATABASE "{self.name}" {template[0]}')
        self._administer(f'CREATE DATABASE "{self.name}-vault" {template[1]}')
        if self.has_store:
            s3_client(self.servers).create_bucket(Bucket=self.name)

    def remove(self) -> None:
        for part in ("", "-vault"):
            self._administer(f'DROP DATABASE IF EXISTS "{self.name}{part}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.servers.database("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def s3_client(servers: Servers):  # type: ignore[no-untyped-def]  # boto3's clients have no types
    return boto3.client(
        "s3",
        endpoint_url=servers.s3,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
        region_name="us-east-1",
    )
