"""Rules from files: the built-in pack and the user's folders, compiled once for each content of a file."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import orjson

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Rule
from soc_analyst.tools.files import write_atomically

from .fields import field_map
from .pack import content_of, keep, kept, stamp_of_pack
from .tree import Tree, Unsupported, fields_of, over_lines

__all__ = ["CompiledRule", "RuleFault", "RuleSet", "load_rules"]

FORM = "4"
"""Raise it when the compiled form changes: older caches are then ignored."""
MAX_BYTES = 1_000_000
SUFFIXES = (".yml", ".yaml")
CACHE = f"rules-{FORM}"
FAULTS_TOLD, REASONS_TOLD = 5, 5
ALL_TOLD = "`soc-analyst detect --sigma-rules DIR --json` tells all"


@dataclass(frozen=True)
class CompiledRule:
    """A rule as the engine evaluates it; `tree` is as `compiling` tells."""

    id: str
    title: str
    level: str
    description: str
    author: str
    license: str
    tags: tuple[str, ...]
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    logsource: Mapping[str, Any]
    tree: Tree
    table: str = ""
    name: str = ""
    """What correlations may call it by, beside its id."""
    correlation: Mapping[str, Any] | None = None
    """For a rule about matches of other rules, as `correlating` tells; its tree is empty."""
    line: int = 1
    """Where its id stands in its file."""

    @property
    def named(self) -> Rule:
        """What a finding tells of it."""
        told = {name: getattr(self, name) for name in ("id", "title", "level", "author", "license", "references")}
        return Rule(**told)


@dataclass(frozen=True)
class RuleFault:
    """What is wrong with a rule file, and where."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class RuleSet:
    """The rules that can run, what is wrong with others, and how many are sound but not supported, by reason."""

    rules: tuple[CompiledRule, ...] = ()
    faults: tuple[RuleFault, ...] = ()
    unsupported: Mapping[str, int] | None = None

    @cached_property
    def digest(self) -> str:
        """A digest of what the rules look for and how they weigh it."""
        told = sorted((rule.id, rule.level, rule.tags, rule.tree, rule.correlation) for rule in self.rules)
        return hashlib.sha256(orjson.dumps(told)).hexdigest()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, in a line each."""
        said = [f"rule skipped: {fault}" for fault in self.faults[:FAULTS_TOLD]]
        if len(self.faults) > len(said):
            said.append(f"{len(self.faults) - len(said):,} more rules skipped for faults; {ALL_TOLD}")
        reasons = Counter(self.unsupported or {})
        if reasons:
            told = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(REASONS_TOLD))
            others = len(reasons) - REASONS_TOLD
            more = f" and {others:,} more reasons; {ALL_TOLD}" if others > 0 else ""
            said.append(f"{reasons.total():,} Sigma rules not supported: {told}{more}")
        return tuple(said)


def load_rules(folders: Sequence[Path] = (), *, cache_dir: Path | None = None) -> RuleSet:
    """Return the built-in rules and those below the folders; faults are collected, never raised.

    Raises OperatorError where a folder is missing. Compiled rules are kept in `cache_dir` by their file's digest.
    """
    built_in = _built_in(cache_dir)
    if not folders:
        return built_in
    return _collected(_files_of_all(folders), _Cache(cache_dir, of=folders), start=built_in)


@lru_cache(maxsize=1)
def _held() -> list[RuleSet]:
    """Return where a process has the pack, once it is read."""
    return []


def _built_in(cache_dir: Path | None) -> RuleSet:
    """Return the pack that ships with the product, which does not change while a process runs.

    Only the first folder that is named keeps it: what is at hand is neither read nor written again for another.
    """
    held = _held()
    if not held:
        held.append(_of_pack(cache_dir))
    return held[0]


def _of_pack(cache_dir: Path | None) -> RuleSet:
    stamp = stamp_of_pack()
    content = kept(cache_dir, stamp)
    if content is not None:
        rules = tuple(CompiledRule(**rule) for rule in content["rules"])
        return RuleSet(rules, tuple(RuleFault(**fault) for fault in content["faults"]), content["unsupported"])
    read = _collected(_sources_built_in(), _Cache(cache_dir), start=RuleSet())
    found = replace(read, rules=tuple(replace(rule, tree=over_lines(rule.tree)) for rule in read.rules))
    told = {"rules": [vars(rule) for rule in found.rules], "faults": [vars(fault) for fault in found.faults]}
    keep(cache_dir, stamp, {**told, "unsupported": found.unsupported})
    return found


def _collected(sources: Iterable[tuple[str, bytes | RuleFault]], cache: _Cache, *, start: RuleSet) -> RuleSet:
    collected = _Collected()
    collected.rules.update((rule.id, rule) for rule in start.rules)
    collected.faults.extend(start.faults)
    collected.unsupported.update(start.unsupported or {})
    collected.correlations = {rule.id for rule in start.rules if rule.correlation}
    for name, content in sources:
        collected.add(name, content if isinstance(content, RuleFault) else cache.compiled(content))
    cache.save()
    collected.relate()
    return RuleSet(tuple(collected.rules.values()), tuple(collected.faults), dict(collected.unsupported))


class _Collected:
    """Rules by id, the first of each, and what became of the others."""

    def __init__(self) -> None:
        self.rules: dict[str, CompiledRule] = {}
        self.faults: list[RuleFault] = []
        self.unsupported: Counter[str] = Counter()
        self.correlations: set[str] = set()
        """Those whose references are known to be good."""
        self._paths: dict[str, str] = {}

    def add(self, path: str, outcome: RuleFault | Mapping[str, Any]) -> None:
        """Take in what a file holds."""
        if isinstance(outcome, RuleFault):
            self.faults.append(outcome)
            return
        self.faults.extend(RuleFault(path, line, message) for line, message in outcome["faults"])
        self.unsupported.update(outcome["unsupported"])
        for rule in outcome["rules"]:
            self._place(path, CompiledRule(**rule))

    def relate(self) -> None:
        """Leave out the correlations that speak of rules which are not there, and name them."""
        known = {key: rule for rule in self.rules.values() for key in (rule.id, rule.name) if key}
        for rule in [rule for rule in self.rules.values() if rule.correlation and rule.id not in self.correlations]:
            named = [known.get(reference) for reference in rule.correlation["rules"]]  # type: ignore[index]
            missing = [ref for ref, one in zip(rule.correlation["rules"], named, strict=True) if one is None]  # type: ignore[index]
            if missing:
                message = f"the correlation speaks of {', '.join(missing)[:120]}, which is no rule that can run here"
                self.faults.append(RuleFault(self._paths[rule.id], rule.line, message))
            elif any(one is not None and one.correlation for one in named):
                self.unsupported["correlation of correlations"] += 1
            else:
                continue
            del self.rules[rule.id]

    def _place(self, path: str, rule: CompiledRule) -> None:
        if rule.id in self.rules:
            other = self._paths.get(rule.id, "the built-in pack")
            message = f"id {rule.id} is taken by {self.rules[rule.id].title!r} of {other}; give it its own"
            self.faults.append(RuleFault(path, rule.line, message))
            return
        if rule.correlation is not None:
            self.rules[rule.id], self._paths[rule.id] = rule, path
            return
        fields = field_map()
        try:
            table, limit = fields.table_of(rule.logsource)
        except Unsupported as reason:
            self.unsupported[str(reason)] += 1
            return
        unknown = next((name for name in fields_of(rule.tree) if fields.unsupported(table, name)), None)
        if unknown is not None:
            self.unsupported[f"field {unknown}"] += 1
            return
        tree = rule.tree if limit is None else ["and", [limit, rule.tree]]
        self.rules[rule.id] = CompiledRule(**{**vars(rule), "tree": tree, "table": table})
        self._paths[rule.id] = path


class _Cache:
    """Compiled files by digest, in one JSON file for each set of folders; a broken or older file is as good as none."""

    def __init__(self, folder: Path | None, *, of: Sequence[Path] = ()) -> None:
        told = "\n".join(str(source.absolute()) for source in of)
        name = f"{CACHE}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"
        self._path = None if folder is None else folder / name
        self._known = self._read()
        self._used: dict[str, Mapping[str, Any]] = {}

    def compiled(self, content: bytes) -> Mapping[str, Any]:
        """Return what a file's content compiles to."""
        digest = hashlib.sha256(content).hexdigest()
        outcome = self._known.get(digest) or _compiled(content)
        self._used[digest] = outcome
        return outcome

    def save(self) -> None:
        """Keep what was used, if anything in it is new. A folder that cannot be written costs only time."""
        if self._path is None or self._used.keys() <= self._known.keys():
            return
        try:
            write_atomically(self._path, json.dumps(self._used, separators=(",", ":")).encode())
        except OSError:
            return

    def _read(self) -> dict[str, Mapping[str, Any]]:
        return {} if self._path is None else content_of(self._path)


@lru_cache(maxsize=16_384)
def _compiled(content: bytes) -> Mapping[str, Any]:
    from .reading import compile_file  # pySigma takes its time to load; a warm cache does without

    return compile_file(content)


def _sources_built_in() -> Iterator[tuple[str, bytes | RuleFault]]:
    for entry in sorted(_below(files(__package__).joinpath("rules")), key=lambda entry: entry[0]):
        yield entry[0], _content(entry[1], entry[0])


def _files_of_all(folders: Iterable[Path]) -> Iterator[tuple[str, bytes | RuleFault]]:
    for folder in folders:
        if not folder.is_dir():
            raise OperatorError("there is no such folder; give a folder of Sigma rules", where=str(folder))
        yield from _files_of(folder)


def _below(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """Yield the built-in rules: the pack is package data, which need not be files."""
    for table in folder.iterdir() if folder.is_dir() else ():
        if table.is_dir():
            for rule in table.iterdir():
                if rule.name.endswith(SUFFIXES):
                    yield f"{table.name}/{rule.name}", rule


def _files_of(folder: Path) -> Iterator[tuple[str, bytes | RuleFault]]:
    lost: list[RuleFault] = []

    def lose(error: OSError) -> None:
        lost.append(RuleFault(str(error.filename), 1, f"cannot be read: {error.strerror or error}"))

    for parent, folders, names in os.walk(folder, onerror=lose):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                path = Path(parent, name)
                yield str(path), _content(path, str(path))
    yield from ((fault.path, fault) for fault in lost)


def _content(file: Traversable, name: str) -> bytes | RuleFault:
    try:
        if isinstance(file, Path) and file.exists() and not file.is_file():
            # A pipe would be waited for, and who writes to it may never come.
            return RuleFault(name, 1, "not a file")
        with file.open("rb") as stream:
            content: bytes = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return RuleFault(name, 1, f"cannot be read: {error.strerror or error}")
    too_long = len(content) > MAX_BYTES
    return RuleFault(name, 1, f"larger than {MAX_BYTES} bytes; a rule is a short text") if too_long else content
