"""What of a page that was asked for in Japanese is still English: what is left in Latin letters but names, code and words that have
no other form."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import cache
from html.parser import HTMLParser

from tests import words

JAPANESE = {"accept-language": "ja"}
# What is written so in Japanese, too: names of things, units, formats.
AS_IT_IS = re.compile(
    r"(?<![A-Za-z])(?:Ownlog|verify_receipt\.py|Ed25519|API|bash|CPU|CSV|CUDA|Git|git|GPU|Hugging Face|ID|JSON Lines|JSON|Keras|Lightning|Markdown|OpenAPI|Parquet|PNG|Python"
    r"|REST|run\.log_code|run\.save|SHA|SHA-256|MD5|Standard Webhooks|TLS|URL|wandb|Webhook-Id|Webhook|XGBoost|kB|MB|GB|TB)(?![A-Za-z])"
)
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
KANA = re.compile(r"[ぁ-ん]")
WORD = re.compile(r"[A-Za-z]{2,}")
# Examples, names of runs, hashes, keys of the machine, files, ends of API keys.
_CODE = re.compile(
    r"config\.lr > 1e-4|\blr = 1e-4|^train$|\bdemo\d{4}\b|\b[0-9a-f]{40,64}\b|\bsystem\.[\w.]+|[\w-]+\.(?:json|txt)\b"
    r"|(?<=…)\w{4}\b|(?<=末尾が )\w{4}\b"
)
_SPOKEN = {"alt", "aria-description", "aria-label", "label", "placeholder", "title"}
_SILENT = {"bdi", "code", "kbd", "pre", "script", "style", "svg", "textarea"}
_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Words(HTMLParser):
    """The words of a page that stand outside of names and code, and the names in it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self._open: list[tuple[str, bool, bool]] = []  # its tag, whether it is silent, whether a name

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_foreign = tag != "html" and given.get("lang", "ja") != "ja"
        classes = set(given.get("class", "").split())
        if not is_foreign:
            # What a field of code shows as its example is code.
            heard = _SPOKEN - {"placeholder"} if "mono" in classes else _SPOKEN
            self.seen += [value for name, value in given.items() if name in heard]
        if tag == "option":
            self.names.add(given.get("value", ""))  # no mark of a name fits in there
        if tag == "a" and "download" not in given:
            self.links.append(given.get("href", ""))
        if tag not in _VOID:
            is_name = tag == "bdi" or "clip" in classes
            is_silent = tag in _SILENT or is_foreign or not classes.isdisjoint({"mono", "marked-up"})
            self._open.append((tag, is_silent, is_name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(is_name for _tag, _silent, is_name in self._open):
            self.names.add(data.strip())
        elif not any(is_silent for _tag, is_silent, _name in self._open):
            self.seen.append(data)


@cache
def _words_in_translations() -> frozenset[str]:
    spoken = (re.sub(r"%\(\w+\)\w|{\w}", "", words.translation_of(each)) for each in words.catalogue())
    return frozenset(word for each in spoken for word in WORD.findall(each))


def left_over(page: str, names: AbstractSet[str] = frozenset()) -> list[str]:
    """What of this page is still English."""
    reader = Words()
    reader.feed(page)
    known = sorted({each for each in reader.names | names if each}, key=len, reverse=True)
    found = []
    for text in reader.seen:
        rest = _CODE.sub(" ", " ".join(text.split()))
        for name in known:
            rest = rest.replace(" ".join(name.split()), " ")
        left = set(WORD.findall(AS_IT_IS.sub(" ", rest)))
        # A Japanese sentence may name code, with the words that the translations have.
        if left - (_words_in_translations() if _JAPANESE.search(rest) else set()):
            found.append(" ".join(text.split()))
    return list(dict.fromkeys(found))
