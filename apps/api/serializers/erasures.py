from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.erasure.called import MOST_NAMES
from apps.erasure.queries import MOST_AT_ONCE
from apps.erasure.types import Cause, Scope, Step

if TYPE_CHECKING:
    from apps.erasure.models import ErasureJob

ALL, UNUSED = "all", "unused"


class ErasureOut(serializers.Serializer[Any]):
    """An erasure and how far it is. It names nothing of what is erased."""

    id = serializers.CharField(source="public_id")
    entity = serializers.CharField(source="entity.name")
    kind = serializers.ChoiceField([each.value for each in Scope], source="scope")
    cause = serializers.ChoiceField([each.value for each in Cause])
    step = serializers.ChoiceField(
        [each.value for each in Step],
        help_text="The step that comes next; done when it is proven and no old copy opens it.",
    )
    asked = serializers.IntegerField(
        help_text="How many files, runs, versions, artifacts, projects, exports or parts of a run it is about."
    )
    runs = serializers.IntegerField(help_text="Deleted so far.")
    files = serializers.IntegerField()
    versions = serializers.IntegerField(help_text="Of artifacts.")
    values = serializers.IntegerField(help_text="Of the history of a run that stays.")
    stored_bytes = serializers.IntegerField()
    asked_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="While step is wait it can be taken back until then; null where it never could.",
    )
    shredded_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the keys are destroyed: nobody reads it since."
    )
    bytes_gone_at = serializers.DateTimeField(allow_null=True)
    rows_gone_at = serializers.DateTimeField(allow_null=True)
    proven_at = serializers.DateTimeField(
        allow_null=True, help_text="When each store was asked again and had nothing of it."
    )
    renewed_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when no earlier copy of the key database opens it."
    )
    done_at = serializers.DateTimeField(allow_null=True)


class CalledOut(serializers.Serializer[Any]):
    """One thing that an erasure is about."""

    name = serializers.CharField(
        help_text="As it is shown: of a run its display name, of a version the artifact's with the number, as in data:v3."
    )
    run = serializers.CharField(help_text="The id of the run that it is or lies in; else empty.")
    project = serializers.CharField(help_text="The name of the project in which it lies; else empty.")


class NamedErasureOut(ErasureOut):
    """An erasure and how far it is. It names what it is about only as long as it can be taken back."""

    names = serializers.SerializerMethodField(
        help_text=f"What it is about, as far as you could read it: the first {MOST_NAMES} of those that `asked` counts. "
        "Empty from when it cannot be taken back any more."
    )

    @extend_schema_field(CalledOut(many=True))
    def get_names(self, job: ErasureJob) -> Any:
        return CalledOut(self.context["names"].get(job.pk, ()), many=True).data


def _names(what: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=1_100, trim_whitespace=False),
        required=False,
        max_length=MOST_AT_ONCE,
        help_text=f"{what} Once for each of them.",
    )


class PartsQuery(serializers.Serializer[Any]):
    """At least one name, of whatever kind."""

    metric = _names(
        "A metric of the history, dotted: with its value in the summary and files that only it shows."
    )
    system = _names("A metric of the machine.")
    summary = _names("A value of the summary, dotted.")
    config = _names("A value of the config, dotted.")
    media = _names("A file of the run's media, by its name: with each value of the history that shows it.")


class ArtifactToErase(serializers.Serializer[Any]):
    versions = serializers.ChoiceField(
        choices=(UNUSED, ALL),
        required=False,
        help_text="Which of them go: those that no run that you may see has read and nothing links, or all, with the artifact.",
    )


class VersionToErase(serializers.Serializer[Any]):
    even_if_used = serializers.BooleanField(
        default=False, help_text="It goes although runs have read it, or something links it."
    )


class TypedName(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=100, help_text="The name once more, so that it is this one that is meant."
    )


class PartsWouldGoOut(serializers.Serializer[Any]):
    values = serializers.IntegerField(help_text="Of the history.")
    files = serializers.IntegerField()
    stored_bytes = serializers.IntegerField(help_text="Of the files, as they are stored.")
    copies = serializers.ListField(
        child=serializers.CharField(),
        help_text="Files in which the client wrote the same down. They are among the files, and go whole.",
    )


class ErasureList(serializers.Serializer[Any]):
    items = NamedErasureOut(many=True)


class LinkOut(serializers.Serializer[Any]):
    form = serializers.CharField()
    key = serializers.CharField(
        help_text="The public key (Ed25519, base64) that the signature is checked against."
    )
    number = serializers.IntegerField(help_text="Without gaps, from 1.")
    previous_sha256 = serializers.CharField(help_text="Of the link before, as canonical JSON.")
    statement_sha256 = serializers.CharField(help_text="Of the statement, as canonical JSON.")


class SignedLink(serializers.Serializer[Any]):
    link = LinkOut()
    signature = serializers.CharField(help_text="Of the link as canonical JSON; base64.")


class ReceiptOut(SignedLink):
    """What an erasure did, signed. It names nothing of what was erased; verify_receipt.py checks it."""

    statement = serializers.JSONField()


class ReceiptLog(serializers.Serializer[Any]):
    """The chain of all receipts, without what they state."""

    items = SignedLink(many=True)


class LogQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        min_value=0, max_value=2**62, default=0, help_text="The number behind which to begin."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=1000)


class ReceiptKey(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The public key of this instance (Ed25519, base64).")
