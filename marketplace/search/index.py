"""The Whoosh index: one field of words without positions, and of each record only its kind and its keys.

What may be shown of a record, and to whom, is asked of the database every time: nothing here decides it.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from whoosh import query as q
from whoosh import writing
from whoosh.analysis import IDAnalyzer
from whoosh.fields import ID, STORED, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.index import EmptyIndexError, LockError

from marketplace.search import words
from marketplace.settings import Settings

NAME = "MAIN"
#: Marks an index that was made from the whole database. A new number where what an entry holds has changed: the next
#: time changes are taken up, all of it is made anew. 2: words of a wish tell no more of its place than its card.
COMPLETE = "complete-2"
WRITER_SECONDS = 60.0
WRITER_MEMORY_MB = 256
#: A whole word says more than all of its pairs of characters.
WORD_WEIGHT, PAIRS_WEIGHT = 1.0, 0.4
_EXTENSION = "marketplace.index"


@dataclass(frozen=True)
class Document:
    """What the index knows of a record; `words` come from `words.index_words`."""

    kind: str
    record_id: int
    public_id: str
    words: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.record_id}"


@dataclass(frozen=True)
class Hit:
    """A record that a query found, before anyone asked whether the reader may see it."""

    kind: str
    record_id: int
    score: float


def schema() -> Schema:
    return Schema(
        key=ID(unique=True),
        kind=ID(stored=True),
        record_id=STORED,
        public_id=STORED,
        # Words are cut by us; the analyzer is only what Whoosh asks for.
        text=TEXT(analyzer=IDAnalyzer(), phrase=False, chars=False),
    )


class Index:
    """The index of one instance: one writer at a time, one long-lived searcher that is refreshed."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder, self._cache = folder, cache
        self._opened: Any = None
        self._searcher: Any = None
        self._lock = threading.RLock()

    def _open(self) -> Any:
        with self._lock:
            if self._opened is None:
                words.prepare(self._cache)
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._folder.chmod(0o700)
                # Not mapped into memory: a mapped file outlives its closing and cannot be removed everywhere.
                storage = FileStorage(str(self._folder), supports_mmap=False)
                # Creating sweeps the folder: two processes at once must not sweep away what the other wrote.
                making = storage.lock("making")
                making.acquire(blocking=True)
                try:
                    exists = storage.index_exists(NAME)
                    self._opened = (
                        storage.open_index(NAME, schema=schema()) if exists else storage.create_index(schema(), NAME)
                    )
                finally:
                    making.release()
            return self._opened

    @property
    def is_complete(self) -> bool:
        """Whether it was once made from the whole database; a search alone makes an empty one."""
        return (self._folder / COMPLETE).exists() and FileStorage(str(self._folder)).index_exists(NAME)

    @contextmanager
    def writing(self, *, afresh: bool = False, optimise: bool = False) -> Iterator["Writer"]:
        """Change the index, all or nothing, waiting for another writer to end.

        Args:
            afresh: begin with nothing; readers see the old index until the end.
            optimise: rewrite every file, so that nothing is left of deleted records.
        Raises:
            TimeoutError: another writer did not end in time.
        """
        try:
            writer = self._open().writer(timeout=WRITER_SECONDS, limitmb=WRITER_MEMORY_MB)
        except LockError as error:
            raise TimeoutError("another process is writing the search index") from error
        changes = Writer(writer, afresh=afresh)
        try:
            yield changes
        except BaseException:
            writer.cancel()
            raise
        finally:
            changes.close()
        writer.commit(mergetype=writing.CLEAR if afresh else None, optimize=optimise)
        if afresh:
            (self._folder / COMPLETE).touch()

    def search(
        self, terms: list[words.Term], kind: str, *, every_term: bool, limit: int, marks: Iterable[str] = ()
    ) -> list[Hit]:
        """Records of a kind that hold every term, or any of them, and every mark; best first."""
        if not terms:
            return []
        parts = [_query(term) for term in terms]
        wanted = q.And(parts) if every_term else q.Or(parts)
        with self._lock:
            try:
                self._refresh()
            except (EmptyIndexError, FileNotFoundError):
                self.close()  # somebody removed the files; a worker's next sweep fills them again
                self._refresh()
            within = q.And([q.Term("kind", kind), *(q.Term("text", mark) for mark in marks)])
            found = self._searcher.search(wanted, limit=limit, filter=within)
            return [Hit(kind, hit["record_id"], float(hit.score)) for hit in found]

    def _refresh(self) -> None:
        """Let the searcher see the newest state, keeping what it has open and closing what has gone."""
        if self._searcher is None:
            self._searcher = self._open().searcher()
            return
        before = [part for part, _offset in self._searcher.reader().leaf_readers()]
        self._searcher = self._searcher.refresh()
        kept = {id(part) for part, _offset in self._searcher.reader().leaf_readers()}
        for part in before:
            # An empty reader holds nothing open and has no such mark.
            if id(part) not in kept and not getattr(part, "is_closed", True):
                part.close()

    def terms(self, text: str) -> list[words.Term]:
        """What a query asks for."""
        words.prepare(self._cache)
        return words.query_terms(text)

    def contents(self) -> set[str]:
        """Keys of every record in the index."""
        reader = self._open().reader()
        try:
            return {f"{stored['kind']}:{stored['record_id']}" for _number, stored in reader.iter_docs()}
        finally:
            reader.close()

    def size(self) -> int:
        """Records in the index."""
        return int(self._open().doc_count())

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        with self._lock:
            if self._searcher is not None:
                self._searcher.close()
            self._searcher = self._opened = None


class Writer:
    """Puts records into the index and takes them out."""

    def __init__(self, writer: Any, *, afresh: bool) -> None:
        self._writer = writer
        self._reader = None if afresh else writer.reader()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def remove(self, keys: Iterable[str]) -> None:
        """Take out what has these keys; unknown keys do nothing."""
        if self._reader is None:
            return
        for key in keys:
            if ("key", key) in self._reader:
                matcher = self._reader.postings("key", key)
                while matcher.is_active():
                    self._writer.delete_document(matcher.id())
                    matcher.next()

    def add(self, document: Document) -> None:
        self._writer.add_document(
            key=document.key,
            kind=document.kind,
            record_id=document.record_id,
            public_id=document.public_id,
            text=list(document.words),
        )


def _query(term: words.Term) -> q.Query:
    options: list[q.Query] = [q.Term("text", word, boost=WORD_WEIGHT) for word in term.words]
    if len(term.pairs) > 1:
        options.append(q.And([q.Term("text", pair, boost=PAIRS_WEIGHT) for pair in term.pairs]))
    if term.start:
        options.append(q.Prefix("text", term.start, boost=PAIRS_WEIGHT))
    return options[0] if len(options) == 1 else q.Or(options)


def init_app(app: Flask) -> None:
    """Give an application its index; no file is touched before it is used."""
    settings: Settings = app.extensions["marketplace.settings"]
    app.extensions[_EXTENSION] = Index(settings.index_dir, settings.instance_dir / "cache")


def current() -> Index:
    """The running application's index."""
    found: Index = current_app.extensions[_EXTENSION]
    return found
