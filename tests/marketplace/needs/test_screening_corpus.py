"""How well the screening finds (several hundred lines), how rarely it cries wolf, and how long it may take."""

import csv
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from marketplace import screening
from marketplace.screening import blanked, marked, screen
from tests.support.telling_lines import MAKERS, harmless_lines, telling_lines

LINES = 120
#: Least share found: what is written by rule nearly always, what people phrase freely mostly.
RECALL = {"address": 0.9, "school": 0.9}
STRICT = 0.98
DEMO_NEEDS = Path("marketplace/data/demo/needs.csv")
MOST_MILLISECONDS = 50


@pytest.mark.parametrize("kind", MAKERS)
def test_what_tells_who_it_is_is_found(kind: str) -> None:
    lines = telling_lines(kind, LINES)
    missed = [line for line in lines if not any(finding.kind == kind for finding in screen(line))]
    assert len(set(lines)) > LINES * 0.8
    assert len(missed) <= (1 - RECALL.get(kind, STRICT)) * LINES, missed


@pytest.mark.parametrize("kind", ["id_number", "mobile", "bank_card", "plate", "email"])
def test_all_of_a_number_is_marked_so_that_nothing_of_it_stays(kind: str) -> None:
    kept = 0
    for line in telling_lines(kind, LINES):
        rest = blanked(line, screen(line))
        kept += len(re.findall(r"\d", rest)) > 4  # sizes and days of the wish itself
    assert kept == 0


def test_clean_wishes_pass() -> None:
    lines = harmless_lines(400)
    alarms = {line: screen(line) for line in lines if screen(line)}
    assert len(alarms) <= 4, alarms


def test_clean_wishes_seldom_need_a_judgement() -> None:
    lines = harmless_lines(400)
    doubts = {line: screen(line, possible=True) for line in lines if screen(line, possible=True)}
    assert len(doubts) <= 12, doubts


def test_the_demo_world_s_titles_seldom_need_a_judgement() -> None:
    with DEMO_NEEDS.open(encoding="utf-8", newline="") as file:
        titles = sorted({row["title"] for row in csv.DictReader(file)})
    doubts = {title: screen(title, possible=True) for title in titles if screen(title, possible=True)}
    assert len(doubts) <= len(titles) // 50, doubts


@pytest.mark.parametrize(
    "text", ["王丽想要一双棉鞋", "给马小军同学的书包", "我叫李想，要一本书", "育新街附近", "9岁，想要书包", "微信同号"]
)
def test_what_a_person_must_judge_is_possible_and_not_certain(text: str) -> None:
    assert screen(text) == []
    assert [finding.certain for finding in screen(text, possible=True)] == [False]


def test_a_certain_finding_wins_over_a_possible_one_in_the_same_place() -> None:
    found = screen("第三小学三(2)班9岁", possible=True)
    assert [(finding.kind, finding.certain) for finding in found] == [
        ("school", True), ("school", True), ("age", False),
    ]  # fmt: skip


def test_a_text_is_cut_at_its_findings_and_nothing_is_lost() -> None:
    text = "想要棉鞋，电话13812345678，送到3号楼"
    parts = marked(text, screen(text))
    assert "".join(part for part, _finding in parts) == screening.normalise(text)
    assert [finding.kind for _part, finding in parts if finding] == ["mobile", "address"]
    assert blanked(text, screen(text)) == "想要棉鞋,电话▢▢,送到▢▢"


def _adversarial() -> dict[str, str]:
    size = 50_000
    pieces = {
        "digits": "1",
        "spaced digits": "1 ",
        "id almost": "64020219900101123",
        "card almost": "4111111111111111 ",
        "letters": "a",
        "dotted": "a.",
        "at signs": "a@",
        "mail almost": "a@b.c@",
        "han": "村",
        "han numerals": "一",
        "room almost": "一 ",
        "school almost": "第一",
        "class almost": "三(2)",
        "plate almost": "宁A",
        "spaces": " ",
        "proper almost": "春晖",
        "lane": "一巷",
        "messenger": "微信 : ",
        "surname": "王",
        "names": "王小明的",
        "mixed": "宁A1路1号村小学",
        "dashes": "1-1-",
        "ligatures": "\ufdfa",
        "invisible": "1\u200b",
        "brackets": "（三）",
        "illness": "先天",
        "x": "x@x",
    }
    return {name: (piece * size)[: size // len(piece[0].encode())] for name, piece in pieces.items()}


ADVERSARIAL = _adversarial()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_no_pattern_takes_long_over_a_hostile_text(name: str) -> None:
    """50 kB each; processor time of each validator alone, the better of two."""
    text = screening.normalise(ADVERSARIAL[name])
    validators: dict[str, Callable[[], Any]] = {
        "long_numbers": lambda: list(screening._long_numbers(text)),
        "mail": lambda: list(screening._mail(text)),
        "named": lambda: list(screening._named(text, ["王小明", "李 四"], "name")),
        "own_numbers": lambda: list(screening._own_numbers(text, ["13812345678"])),
    }
    for place, (kind, pattern) in enumerate((*screening._PATTERNS, *screening._PROPER, *screening._POSSIBLE)):
        validators[f"{kind} {place}"] = partial(_matches, pattern, text)
    slow = {}
    for validator, run in validators.items():
        best = min(_milliseconds(run) for _try in range(2))
        if best > MOST_MILLISECONDS:
            slow[validator] = round(best)
    assert slow == {}


def _matches(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _match in pattern.finditer(text))


def _milliseconds(run: Callable[[], Any]) -> float:
    began = time.process_time()
    run()
    return (time.process_time() - began) * 1000


def test_a_whole_screening_of_a_hostile_text_ends_soon() -> None:
    taken = {name: _milliseconds(partial(screen, text, possible=True)) for name, text in ADVERSARIAL.items()}
    assert max(taken.values()) < 1500, taken
