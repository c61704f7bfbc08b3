"""Text to search words: Chinese by jieba with our own terms, English by its stem.

Chinese has no spaces, and a dictionary cuts the same letters differently in different company. So a text is
indexed under its words, under the words inside them and under every pair of neighbouring characters; a query
asks for a whole word or, failing that, for all of its pairs.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jieba
from whoosh.lang.porter import stem

from marketplace import regions, taxonomy

jieba.setLogLevel(logging.WARNING)

MOST_CHARACTERS = 200
MOST_TERMS = 10
#: Above the commonest word of the dictionary's own list, so that our terms are kept whole.
_OWN_FREQUENCY = 200_000
_OWN_VOCABULARIES = (
    "target_group", "statistic_flag", "assist_tier", "need_dimension", "need_kind", "provider_kind", "triage",
    "qualification", "service_group",
)  # fmt: skip
_OWN_WORDS = (
    "失能",
    "失智",
    "独居",
    "空巢",
    "留守",
    "随迁",
    "微心愿",
    "武帮您",
    "兴系你",
    "助餐",
    "助浴",
    "助洁",
    "冬衣",
)
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<plain>[^\W_{_HAN}]+)")
_PARTS = re.compile(r"[/、()（）·\s]+")

_tokenizer = jieba.Tokenizer()


@dataclass(frozen=True)
class Term:
    """One thing a query asks for: any of `words`, or all of `pairs` together, or what begins with `start`."""

    words: tuple[str, ...]
    pairs: tuple[str, ...] = ()
    start: str = ""


def prepare(folder: Path) -> None:
    """Load the dictionary once a process; its cache is kept in `folder`, inside the instance."""
    if _tokenizer.initialized:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _tokenizer.tmp_dir = str(folder)
    _tokenizer.cache_file = "jieba.cache"
    _tokenizer.initialize()
    for word in own_terms():
        _tokenizer.add_word(word, _OWN_FREQUENCY)


@lru_cache(maxsize=1)
def own_terms() -> frozenset[str]:
    """Names of regions, categories and vocabularies, and their parts: 孤儿/事实无人抚养儿童 is two words."""
    names = [region.name_zh for region in regions.all_regions()]
    names += [category.name_zh for category in taxonomy.categories()]
    names += [term.name_zh for name in _OWN_VOCABULARIES for term in taxonomy.vocabulary(name)]
    parts = {part for name in names for part in _PARTS.split(name) if len(part) > 1}
    return frozenset(parts.union(_OWN_WORDS))


def normalise(text: str) -> str:
    """Full-width forms as plain ones, lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def index_words(text: str) -> list[str]:
    """Every word under which a text is found, repeated as often as it occurs."""
    found: list[str] = []
    for run in _RUN.finditer(normalise(text)):
        if run["plain"]:
            found += _plain_words(run["plain"])
            continue
        words = list(_tokenizer.cut_for_search(run["han"]))
        found += words
        # A pair that is a word was counted already.
        known = set(words)
        found += [pair for pair in _pairs(run["han"]) if pair not in known]
        # The last character begins no pair: alone, it makes every single character findable by its beginning.
        found += [run["han"][-1]]
    return found


@lru_cache(maxsize=2048)
def index_words_of_name(name: str) -> tuple[str, ...]:
    """`index_words` of a name that many records share."""
    return tuple(index_words(name))


def query_terms(text: str) -> list[Term]:
    """What a query asks for, at most MOST_TERMS things; a star at the end of a word means any ending."""
    found: dict[Term, None] = {}
    text = normalise(text[:MOST_CHARACTERS])
    for run in _RUN.finditer(text):
        if run["plain"]:
            starred = text[run.end() : run.end() + 1] == "*" and len(run["plain"]) > 1
            words = _plain_words(run["plain"])
            found[Term(tuple(words), start=run["plain"] if starred else "")] = None
            continue
        for word in _tokenizer.cut(run["han"]):
            pairs = tuple(_pairs(word))
            # A single character finds the words and pairs that begin with it.
            found[Term((word,), pairs, "" if pairs else word)] = None
    return list(found)[:MOST_TERMS]


def _pairs(text: str) -> list[str]:
    return [text[place : place + 2] for place in range(len(text) - 1)]


def _plain_words(run: str) -> list[str]:
    """The run, and its stem where that differs."""
    if not run.isascii() or not run.isalpha():
        return [run]
    root = stem(run)
    return [run] if root == run else [run, root]
