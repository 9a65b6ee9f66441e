"""What was found in a run and looks like a secret, in words: never the value."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.code_saving.credentials import Detector
from apps.leaks.types import OpenFinding, Place, Spot, State

_KINDS = {
    Detector.ANTHROPIC: gettext_lazy("Anthropic key"),
    Detector.AWS_ID: gettext_lazy("AWS access key"),
    Detector.AWS_SECRET: gettext_lazy("AWS secret key"),
    Detector.AZURE: gettext_lazy("Azure storage key"),
    Detector.GITHUB: gettext_lazy("GitHub token"),
    Detector.GITLAB: gettext_lazy("GitLab token"),
    Detector.GOOGLE: gettext_lazy("Google key"),
    Detector.HUGGING_FACE: gettext_lazy("Hugging Face token"),
    Detector.JWT: gettext_lazy("Signed token (JWT)"),
    Detector.NAMED: gettext_lazy("A value whose name says that it is secret"),
    Detector.NPM: gettext_lazy("npm token"),
    Detector.OPENAI: gettext_lazy("OpenAI key"),
    Detector.OWNLOG: gettext_lazy("API key of Ownlog"),
    Detector.PASSWORD_IN_ADDRESS: gettext_lazy("Password in an address"),
    Detector.PRIVATE_KEY: gettext_lazy("Private key"),
    Detector.PYPI: gettext_lazy("PyPI token"),
    Detector.SENDGRID: gettext_lazy("SendGrid key"),
    Detector.SLACK: gettext_lazy("Slack token"),
    Detector.STRIPE: gettext_lazy("Stripe key"),
    Detector.TELEGRAM: gettext_lazy("Telegram token"),
    Detector.WANDB: gettext_lazy("API key of wandb"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    public_id: str
    state: State
    kind: str
    place: str
    name: str  # of the key or the file, which somebody chose
    href: str
    is_code: bool


def shown(finding: OpenFinding, url: str) -> Shown:
    """One finding as its row says it, under the address of its run."""
    spot = finding.spot
    return Shown(
        public_id=finding.public_id,
        state=finding.state,
        kind=str(_KINDS[spot.detector]),
        place=_place(spot),
        name=spot.file or ".".join(str(part) for part in spot.path if part != "value"),
        href=_href(spot, url),
        is_code=spot.place is Place.CODE,
    )


def _place(spot: Spot) -> str:
    if spot.place is Place.CONFIG:
        return _("Command line") if spot.path[:1] == ("_wandb",) else _("Config")
    line = {"n": spot.line + 1}
    return _("Console, line %(n)d") % line if spot.place is Place.CONSOLE else _("Line %(n)d of") % line


def _href(spot: Spot, url: str) -> str:
    match spot.place:
        case Place.CONFIG:
            return f"{url}/values/config"
        case Place.CONSOLE:
            # Writers of a shared run count their own lines: the console shows them among each other.
            return f"{url}/console" if spot.writer else f"{url}/console?line={spot.line}"
        case Place.CODE:
            return f"{url}/code?{urlencode({'file': spot.file})}"
        case Place.FILE:
            return f"{url}/files"
