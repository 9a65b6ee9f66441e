"""The formats that history can be asked for, by Accept header or `?format=`."""

from __future__ import annotations

from collections.abc import Iterator

from rest_framework.renderers import BaseRenderer

from apps.api.wire import JsonRenderer
from apps.runs.formats.arrow import arrow_stream, parquet
from apps.runs.formats.columns import Reread
from apps.runs.formats.text import csv_rows, json_rows, ndjson


class RowsRenderer(BaseRenderer):
    """Named for REST framework's negotiation; the view writes the answer with `write`."""

    charset = None
    kind = ""  # the content type of the answer, when it is more than the media type

    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        """The whole answer, in parts."""
        raise NotImplementedError  # abstract: each format writes its own


class JsonRows(JsonRenderer, RowsRenderer):
    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        return json_rows(reread)


class NdjsonRows(RowsRenderer):
    media_type = "application/x-ndjson"
    format = "ndjson"

    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        return ndjson(reread)


class CsvRows(RowsRenderer):
    media_type = "text/csv"
    format = "csv"
    kind = "text/csv; charset=utf-8"

    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        return csv_rows(reread)


class ParquetRows(RowsRenderer):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    render_style = "binary"

    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        return parquet(reread)


class ArrowRows(RowsRenderer):
    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"
    render_style = "binary"

    @staticmethod
    def write(reread: Reread) -> Iterator[bytes]:
        return arrow_stream(reread)


ROW_FORMATS: list[type[RowsRenderer]] = [JsonRows, NdjsonRows, CsvRows, ParquetRows, ArrowRows]


class PlainText(BaseRenderer):
    media_type = "text/plain"
    format = "txt"


class Bytes(BaseRenderer):
    media_type = "application/octet-stream"
    format = "bin"
    charset = None
    render_style = "binary"
