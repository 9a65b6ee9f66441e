"""What people read is translated: nothing is forgotten in the catalogue, in a template or in a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest

from tests import japanese, words
from tests.live import ROOT

AGAIN = "run: make words"
TEMPLATES = sorted(each for each in (ROOT / "templates").rglob("*.*") if each.is_file())
SCRIPTS = sorted((ROOT / "static/js").rglob("*.js"))


@pytest.fixture(scope="module")
def po() -> polib.POFile:
    return words.catalogue()


# ── The catalogue ──


def test_every_text_has_a_translation(po: polib.POFile) -> None:
    translated = {words.text_of(each) for each in po if words.translation_of(each).strip() and not each.fuzzy}

    assert sorted(words.texts() - translated) == []


def test_no_translation_is_of_a_text_that_is_gone(po: polib.POFile) -> None:
    assert sorted({words.text_of(each) for each in po} - words.texts()) == []


def test_texts_are_found_in_templates_and_in_code() -> None:
    found = words.texts()

    assert words.Text("Sign in") in found  # {% translate %}
    assert words.Text("%(n)s panel", plural="%(n)s panels") in found  # {% blocktranslate count %}
    assert words.Text("crashed") in found  # gettext as _
    assert words.Text("This name is taken.") in found  # gettext_lazy
    assert words.Text("%(n)d hour ago", plural="%(n)d hours ago") in found  # ngettext


def test_a_translation_holds_what_the_text_holds(po: polib.POFile) -> None:
    off = [
        (each.msgid, words.translation_of(each))
        for each in po
        if words.placeholders(words.translation_of(each))
        != words.placeholders(each.msgid_plural or each.msgid)
    ]

    assert off == []


def test_the_catalogue_is_as_the_make_target_writes_it(po: polib.POFile) -> None:
    assert words.CATALOGUE.read_text() == str(words.renewed(po, words.texts())) + "\n" * 0, AGAIN
    assert words.COMPILED.read_bytes() == po.to_binary(), AGAIN


_PLAIN_VERB = re.compile(r"(?<!で)(?<!ま)[うくぐすつぬぶむる]。|[だた]。(?<!ました。)(?<!でした。)|[！様]")


def test_japanese_keeps_the_houses_voice(po: polib.POFile) -> None:
    """です・ます, a full stop where English has one, no exclamation mark, nobody is 様."""
    spoken = [(each.msgid, words.translation_of(each)) for each in po]

    assert [each for each in spoken if _PLAIN_VERB.search(each[1])] == []
    assert [each for each in spoken if each[0].endswith(".") is not each[1].endswith("。")] == []


@pytest.mark.parametrize(
    ("written", "as_set"),
    [
        ("閲覧:", "閲覧："),
        ("用途: %(scope)s (必須)", "用途：%(scope)s（必須）"),
        ("トークン (JWT) です。", "トークン（JWT）です。"),
        ("%(key)s: 値%(n)s 個", "%(key)s：値%(n)s個"),
        ("IDとAPIキーを 2 件", "ID と API キーを2件"),
        ("MD5です。<b>base64</b>で", "MD5 です。<b>base64</b>で"),
        ("%(name)s の版を %(n)s 件", "%(name)s の版を%(n)s件"),
        ("この run の %(run)s を run.save で run に", "このランの %(run)s を run.save でランに"),
        ('/ と : は使えません。{"a": 1} の形で、https:// から', None),
        ("%(what)sは10:30、Y年n月j日 H:i", None),
        ("Other words: (1) 2 of 3", None),
    ],
)
def test_marks_beside_japanese_are_set_by_one_hand(written: str, as_set: str | None) -> None:
    """None: as it is. What is set once stays, so that `make words` is done at once."""
    assert japanese.set_in(written) == (as_set or written)
    assert japanese.set_in(as_set or written) == (as_set or written)


# ── Templates ──

SAID_AS_IT_IS = {
    "CSV",
    "Hugging Face",
    "JSON",
    "Keras",
    "Lightning",
    "OpenAPI",
    "Python",
    "Ownlog",
    "REST API",
    "MD5",
    "SHA-256",
    "XGBoost",
    "bash",
    "config.lr > 1e-4",
}
_AS_IT_IS = re.compile("|".join(rf"(?<![A-Za-z]){re.escape(each)}(?![A-Za-z])" for each in SAID_AS_IT_IS))
_SPOKEN = {"alt", "aria-description", "aria-label", "aria-roledescription", "label", "placeholder", "title"}
_SILENT = {"bdi", "code", "kbd", "pre", "script", "style"}
_COMMENT = re.compile(r"{#.*?#}|{% comment.*?endcomment %}", re.DOTALL)
_TRANSLATED = re.compile(
    r"{% (blocktranslate|blocktrans)\b.*?{% end\1 %}|{% (?:translate|trans) .*?%}", re.DOTALL
)
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_CLASSES = re.compile(r'\bmore="[^"]*"')
_JOINED = re.compile(r"{% if not forloop\.(?:last|first) %}, {% endif %}")
_NOT_SPOKEN = re.compile(r"{% (?:if|elif|url|static|load|extends|block|with here=|for|partialdef)\b")
_LITERAL = re.compile(r'"([^"]*)"|\'([^\']*)\'')
_PROSE = re.compile(r"[A-Z][a-z]|[A-Za-z]{2,} [A-Za-z]")


def test_a_stop_after_a_value_stands_in_the_text() -> None:
    """Written beside it, it would be an English one in Japanese."""
    stop = re.compile(r"}}\.(?=[ <{])")

    assert stop.search("{{ what }}. {% translate 'More' %}")
    assert [path.name for path in TEMPLATES if stop.search(_TRANSLATED.sub("", path.read_text()))] == []


class _Words(HTMLParser):
    """The words that a reader of this page sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        # What a field of code shows as its example is code.
        is_code = "mono" in (dict(attrs).get("class") or "").split()
        heard = _SPOKEN - {"placeholder"} if is_code else _SPOKEN
        self.found += [value for name, value in attrs if name in heard and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def untranslated(template: str, *, is_html: bool = True) -> list[str]:
    """Words of a template that stand outside of the tags for translation."""
    rest = _TRANSLATED.sub("", _COMMENT.sub("", template))
    passed = [
        literal
        for tag in _TAG.findall(rest)
        if not _NOT_SPOKEN.match(tag)
        for pair in _LITERAL.findall(_CLASSES.sub("", tag))
        for literal in pair
        if _PROSE.search(literal) and not literal.endswith(".html")
    ]
    plain = _TAG.sub("", rest)
    reader = _Words()
    reader.feed(plain)
    seen = reader.found if is_html else [plain]
    found = [" ".join(each.split()) for each in seen]
    return [each for each in (*found, *passed) if re.search(r"[A-Za-z]{2}", _AS_IT_IS.sub("", each))]


def test_a_word_outside_of_the_tags_is_seen() -> None:
    for planted in (
        "<p>Words</p>",
        '<a title="More">',
        '<input placeholder="{% if x %}Find{% endif %}">',
        '{% include "a.html" with heading="No run" %}',
        '{{ name|default:"Nobody" }}',
        "<b>{{ n }} runs</b>",
    ):
        assert len(untranslated(planted)) == 1, planted
    for clean in (
        '{% load i18n %}{# Words #}<p class="small">{% translate "Words" %} · {{ name }}</p>',
        "{% blocktranslate with n=1 %}{{ n }} words{% endblocktranslate %}<pre>pip install</pre>",
        '{% include "a.html" with here="runs" %}<a aria-label="{% translate \'More\' %}">',
    ):
        assert untranslated(clean) == [], clean


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_say_nothing_outside_of_the_tags(path: Path) -> None:
    assert untranslated(path.read_text(), is_html=path.suffix == ".html") == []
    assert not _JOINED.search(path.read_text()), "{% comma %}: in Japanese it is another"


# ── Scripts ──

_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'|`((?:[^`\\]|\\.)*)`')
_JS_COMMENT = re.compile(r"^\s*//.*$|(?<=[;{},)]) +//.*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)
_SINK = re.compile(
    r"(?:textContent|innerText|title|ariaLabel|placeholder|alt|label)\s*=(?!=)\s*(?P<value>[^;\n]*)"
    r"|setAttribute\(\s*[\"'](?:aria-label|title|placeholder|alt)[\"']\s*,(?P<set>[^;\n]*)"
    r"|(?:alert|confirm|prompt)\((?P<asked>[^;\n]*)"
)
_SENTENCE = re.compile(r"^[A-Z][a-z]+(?: \S+)+|^[a-z]+(?: [a-z]+){2,}$|[a-z]{2,}[.?!…]$")
# A word that is chosen inside of a longer text, unless that text is a class or an address.
_CHOSEN_WORD = re.compile(r"`[^`]*\$\{[^}`]*\? \"([a-z]{2,})\"")
_NOT_SHOWN = re.compile(r"class|dataset|searchParams|setProperty|querySelector|theme\.of")
# What these strings are for is the browser, not the reader.
_KEYS = {"Enter", "Escape", "Tab", "Home", "End", "Backspace", "Delete"}


def spoken(script: str) -> Iterator[str]:
    """String literals that a script shows: put where words are shown, or formed like a sentence."""
    code = _JS_COMMENT.sub("", script)
    for sink in _SINK.finditer(code):
        for literal in _literals(next(part for part in sink.groups() if part is not None)):
            if re.search(r"[A-Za-z]{2}", literal):
                yield literal
    yield from (literal for literal in _literals(code) if _SENTENCE.search(literal) and literal not in _KEYS)
    for line in code.splitlines():
        if not _NOT_SHOWN.search(line):
            yield from _CHOSEN_WORD.findall(line)


def _literals(code: str) -> Iterator[str]:
    for found in _STRING.finditer(code):
        yield re.sub(r"\$\{[^}]*\}", "", next(part for part in found.groups() if part is not None)).strip()


def test_a_word_in_a_script_is_seen() -> None:
    for planted in (
        'node.textContent = "step";',
        "button.title = `${n} more`;",
        'a.setAttribute("aria-label", "Close");',
        'say("Nothing to draw here.");',
        'confirm("Sure?");',
        'return `${axis === "_step" ? "step" : axis} ${tick(value)}`;',
    ):
        assert list(spoken(planted)), planted
    for clean in (
        "node.textContent = node.dataset.word;",
        '// "Words in a comment."',
        'row.className = "table grid";',
        'swatch.className = `swatch ${isShown ? "some" : "none"}`;',
        'if (event.key === "Escape") link.title = "";',
        "words.textContent = `${n} ${words.dataset.words}`;",
    ):
        assert list(spoken(clean)) == [], clean


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_show_only_what_the_page_gives_them(path: Path) -> None:
    assert list(spoken(path.read_text())) == []
