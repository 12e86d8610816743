"""Free text: which words an image is found by, and what a search asks for. The same on every database.

Databases cut text into words each in their own way, so we do it here and give them ASCII words that none of them cuts,
drops or folds again. A word is marked with the field it stands in, which is how matches are ranked and how a property
that a caller may not read is left out. See docs/adr/0029.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.image import Image

TEXT_LIMIT = 500  # characters of a search
WORD_LIMIT = 16  # words of a search
IMAGE_WORDS = 2000  # words of one image that are looked at

# MariaDB keeps no word shorter than three characters, and none of over 84; it has the two marks of _NAME and so on.
_MARK = "q"
_NAME, _TAG, _DESCRIPTION, _PROPERTY, _ONE_PROPERTY = "abcde"
_INTERNAL = "os_glance"  # names that the service keeps for itself
_LONGEST = 70  # characters of an encoded word

# Scripts written without spaces: every character counts as a word.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class InvalidSearch(Invalid):
    """The free text to look for is empty, too long, or holds no letter or digit."""

    code = "invalid-search"


class Phrase(msgspec.Struct, frozen=True):
    """Words that must follow each other; `prefix`: the last one may go on."""

    words: tuple[str, ...]
    prefix: bool


def read_search(text: str) -> tuple[Phrase, ...]:
    """The phrases that must all be found. A word also finds longer ones; words in double quotes are taken whole.

    Raises `InvalidSearch`.
    """
    if len(text) > TEXT_LIMIT:
        raise InvalidSearch(f"'q' may hold {TEXT_LIMIT} characters, not {len(text)}.")
    parts = [(quoted or plain, bool(plain)) for quoted, plain in _PARTS.findall(text)]
    phrases = [Phrase(tuple(words(part)), prefix) for part, prefix in parts]
    phrases = [phrase for phrase in dict.fromkeys(phrases) if phrase.words]
    if not phrases:
        raise InvalidSearch("'q' needs at least one letter or digit to look for; leave it out to list all images.")
    count = sum(len(phrase.words) for phrase in phrases)
    if count > WORD_LIMIT:
        raise InvalidSearch(f"'q' may hold {WORD_LIMIT} words, not {count}.")
    return tuple(phrases)


def words(text: str) -> list[str]:
    """The words of a text, without regard to case and accents, in ASCII."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in plain if not unicodedata.category(character).startswith("M"))
    return [_encoded(word) for word in _WORDS.findall(unicodedata.normalize("NFC", bare))]


@lru_cache(maxsize=4096)
def _encoded(word: str) -> str:
    """A prefix of a word is encoded as a prefix of its code."""
    if word.isascii() and "z" not in word:
        return word[:_LONGEST]
    code = ""
    for character in word:
        piece = character if character.isascii() and character != "z" else _escaped(character)
        if len(code) + len(piece) > _LONGEST:
            break
        code += piece
    return code


def _escaped(character: str) -> str:
    if character == "z":
        return "zz"
    number, digits = ord(character), ""
    for _ in range(4):  # 36^4 is more than Unicode has, and its first digit is never a z
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"z{digits}"


def document(image: Image) -> str:
    """All words of an image: each field's in their order with one space between, fields apart by two."""
    return f" {'  '.join(' '.join(marked) for marked in _fields(image) if marked)} "


def _fields(image: Image) -> Iterator[list[str]]:
    left = IMAGE_WORDS
    for marks, text in _marked_texts(image):
        found = words(text)[:left]
        left -= len(found)
        for mark in marks:
            yield [mark + word for word in found]
        if not left:
            return


def _marked_texts(image: Image) -> Iterator[tuple[tuple[str, ...], str]]:
    yield (_mark(_NAME),), image.name or ""
    for tag in sorted(set(image.tags)):
        yield (_mark(_TAG),), tag
    for name, value in sorted(image.properties.items(), key=lambda item: (item[0] != "description", item[0])):
        if name.startswith(_INTERNAL):
            continue
        kind = _DESCRIPTION if name == "description" else _PROPERTY
        yield (_mark(kind), _property_mark(name)), value or ""


def _mark(field: str) -> str:
    return _MARK + field


@lru_cache(maxsize=4096)
def _property_mark(name: str) -> str:
    return _mark(_ONE_PROPERTY) + blake2b(name.encode(), digest_size=5).hexdigest()


def ranks(readable: Collection[str] | None) -> tuple[tuple[str, ...], ...]:
    """The marks of the fields that each rank looks in, best rank first; each looks in those of the one before as well.

    `readable` are the properties the caller may read, None meaning all.
    """
    best: tuple[tuple[str, ...], ...] = (_mark(_NAME),), (_mark(_NAME), _mark(_TAG))
    if readable is None:
        return *best, (*best[1], _mark(_DESCRIPTION)), (*best[1], _mark(_DESCRIPTION), _mark(_PROPERTY))
    described = (*best[1], *(_property_mark(name) for name in readable if name == "description"))
    others = (_property_mark(name) for name in sorted(readable) if name != "description")
    return *best, described, (*described, *others)


def needle(phrase: Phrase, mark: str) -> str:
    """What a document contains when it has the phrase in a field with that mark."""
    return "".join(f" {mark}{word}" for word in phrase.words) + ("" if phrase.prefix else " ")


def found(text: str, phrases: Iterable[Phrase], marks: Collection[str]) -> bool:
    """Whether a document has all phrases, each in some field with one of the marks."""
    return all(any(needle(phrase, mark) in text for mark in marks) for phrase in phrases)
