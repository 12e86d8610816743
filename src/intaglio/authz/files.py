"""Reads an operator's policy files, and notices when they change. YAML; JSON is read as the YAML that it is."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from intaglio.authz.checks import Text
from intaglio.authz.property_rules import policies_named
from intaglio.authz.rules import RULES
from intaglio.authz.ruleset import Mistake, RuleSet, Severity, Written
from intaglio.authz.settings import PolicySettings, there

Fingerprint = tuple[tuple[str, int, int, int], ...]


class PolicyFiles:
    """The files that `settings` name. Later ones win: the file, then each directory's files by name."""

    def __init__(self, settings: PolicySettings) -> None:
        self.settings = settings

    def rules(self) -> RuleSet:
        """The defaults with what the files say now. Raises nothing: what is wrong is among the `mistakes`."""
        written: dict[str, Written] = {}
        mistakes: list[Mistake] = []
        for path in self._paths(mistakes):
            try:
                written |= _read(path, mistakes)
            except _Unreadable as unreadable:
                mistakes.append(unreadable.mistake)
        settings = self.settings
        protecting = policies_named(settings.property_protection_file, settings.property_protection_rule_format)
        return RuleSet(
            RULES,
            written,
            new_defaults=settings.enforce_new_defaults,
            mistakes=mistakes,
            asked_elsewhere=protecting,
        )

    def fingerprint(self) -> Fingerprint:
        """Changes whenever a file does, appears or goes."""
        return tuple(_fingerprints(self._paths([])))

    def _paths(self, mistakes: list[Mistake]) -> Iterator[Path]:
        """The files that are there now, in the order they are read."""
        if (file := there(self.settings.policy_file)) is not None:
            yield file
        for directory in filter(None, map(there, self.settings.policy_dirs)):
            try:
                yield from sorted(
                    path for path in directory.iterdir() if path.is_file() and not path.name.startswith(".")
                )
            except OSError as error:
                message = f"The directory cannot be read: {error.strerror}."
                mistakes.append(_Unreadable(directory, message).mistake)


class _Unreadable(Exception):
    def __init__(self, path: Path, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.mistake = Mistake(
            severity=Severity.ERROR, code="bad-policy-file", message=message, file=str(path), line=line
        )


def _fingerprints(paths: Iterator[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            yield str(path), 0, 0, 0
        else:
            yield str(path), status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path, mistakes: list[Mistake]) -> dict[str, Written]:
    try:
        document = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise _Unreadable(path, f"The file is not UTF-8 text (byte {error.start}).") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else None
        raise _Unreadable(path, f"The file is not YAML: {error.problem or error.context}.", line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _Unreadable(path, f"The file is not YAML: {' '.join(str(error).split())}.") from None
    except OSError as error:
        raise _Unreadable(path, f"The file cannot be read: {error.strerror}.") from None
    return dict(_entries(path, document, mistakes))


def _entries(path: Path, document: yaml.Node | None, mistakes: list[Mistake]) -> Iterator[tuple[str, Written]]:
    if document is None or (isinstance(document, yaml.ScalarNode) and not document.value):
        return
    if not isinstance(document, yaml.MappingNode):
        raise _Unreadable(path, 'A policy file holds lines such as "get_image": "role:reader".', 1)
    seen: dict[str, int] = {}
    for key, value in document.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _Unreadable(path, "The name of a rule is a text.", line)
        if key.value in seen:
            message = f"it stands in line {seen[key.value]} already; this one counts."
            mistakes.append(
                Mistake(
                    severity=Severity.WARNING,
                    code="rule-twice",
                    message=message,
                    file=str(path),
                    line=line,
                    rule=key.value,
                )
            )
        seen[key.value] = line
        yield key.value, Written(_plain(path, value), str(path), line)


def _plain(path: Path, node: yaml.Node) -> Text:
    """The value as text, or as lists of texts, whatever YAML would take a word such as `no` for."""
    if isinstance(node, yaml.SequenceNode):
        return [_texts(path, inner) for inner in node.value]
    return _text(path, node)


def _texts(path: Path, node: yaml.Node) -> str | list[str]:
    return [_text(path, inner) for inner in node.value] if isinstance(node, yaml.SequenceNode) else _text(path, node)


def _text(path: Path, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)
    raise _Unreadable(path, 'A rule is a text such as "role:admin".', node.start_mark.line + 1)
