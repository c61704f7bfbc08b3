"""Wording that would keep people out by household registration."""

import csv
from pathlib import Path

import pytest

from marketplace.projects.hukou import hukou_wording


@pytest.mark.parametrize(
    "text",
    [
        "仅限本地户籍",
        "本市户口",
        "大武口区户籍居民",
        "须持有本区户口簿",
        "申请人应当具有宁夏户籍",
        "户籍须在石嘴山市",
        "外地人员不予受理",
        "非本地户籍除外",
        "没有本地户籍的不予受理",
        "仅限本地人",
        "本 地 户 籍 优 先",
        "本\u200b地户\u200b籍",
        "local hukou only",
        "Ningxia household registration required",
        "You must have a registered residence in Dawukou",
        "Locals only",
        "not for migrants",
    ],
)
def test_a_text_that_keeps_people_out_is_found(text: str) -> None:
    assert hukou_wording(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "为辖区困难老人送餐，每周五天。",
        "不限户籍",
        "户籍不限，外地务工人员同样欢迎",
        "无户籍限制",
        "资助困难家庭学生，不设户籍限制。",
        "不要求本地户口",
        "无论户籍在哪里都可申请",
        "协助办理户口登记",
        "面向流动儿童和随迁子女",
        "限本市范围内上门服务",
        "Open to everyone, regardless of hukou",
        "No local hukou needed",
        "Household registration plays no part",
        "Free lunches for older people living alone in Dawukou",
    ],
)
def test_a_text_that_welcomes_everyone_is_not(text: str) -> None:
    assert hukou_wording(text) == []


def test_the_clauses_are_named_once_and_in_order() -> None:
    text = "送温暖活动，不限户籍。名额有限，本市户口优先；请带证件（仅限本地户籍）。本市户口优先！"
    assert hukou_wording(text) == ["本市户口优先", "仅限本地户籍"]


def test_the_corpus_is_told_apart() -> None:
    """Of 278 texts in both languages nothing that keeps people out is missed, and hardly one is flagged wrongly."""
    with Path(__file__).with_name("hukou_texts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    missed = [row["text"] for row in rows if row["keeps_out"] == "1" and not hukou_wording(row["text"])]
    wrongly = [row["text"] for row in rows if row["keeps_out"] == "0" and hukou_wording(row["text"])]
    assert len(rows) == 278
    assert missed == []
    assert wrongly == []
