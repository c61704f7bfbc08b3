"""Rule P4: what could tell who somebody is never stands in a public text, and harmless wishes pass."""

import csv
from pathlib import Path

import pytest

from marketplace.screening import luhn, screen

DEMO_NEEDS = Path("marketplace/data/demo/needs.csv")

TELLING = [
    ("身份证640202190001011239，要一件棉衣", {"id_number"}),
    ("640 202 1990 0101 123X", {"id_number"}),
    ("６４０２０２１９９００１０１１２３９", {"id_number"}),  # full-width digits
    ("老证号640202900101123", {"id_number"}),
    ("打电话13812345678送来", {"mobile"}),
    ("+86 138-1234-5678", {"mobile"}),
    ("１３８１２３４５６７８", {"mobile"}),
    ("0952-2012345", {"landline"}),
    ("电话：2012345", {"landline"}),
    ("卡号4111 1111 1111 1111", {"bank_card"}),
    ("写信到someone@example.com", {"email"}),
    ("加微信：ab_12345", {"messenger"}),
    ("QQ 12345678", {"messenger"}),
    ("车牌宁A·12345", {"plate"}),
    ("朝阳小区3号楼2单元501室", {"address"}),
    ("星海村三组", {"address"}),
    ("朝阳西街12号", {"address"}),
    ("朝阳社区的老人", {"address"}),
    ("石嘴山市实验小学校服", {"school"}),
    ("第三小学三(2)班", {"school"}),
    ("育才中学的书包", {"school"}),
    ("初一3班", {"school"}),
    ("白血病患儿的玩具", {"health"}),
    ("给抑郁的孩子一套画笔", {"health"}),
    ("a toy for a child with leukemia", {"health"}),
    ("父亲服刑，想要棉鞋", {"sensitive"}),
    ("孤儿的书包", {"sensitive"}),
    ("二级残疾，轮椅一辆", {"sensitive"}),
    ("回族老人", {"sensitive"}),
    ("王某某的棉鞋", {"name"}),
]
HARMLESS = [
    "一双34码棉鞋", "一台老年手机", "上小学的孩子要书包", "小学三年级教辅一套", "三年级语文练习册",
    "一组书架", "夜班护理", "农村老人", "参加社区活动", "想去花园看看", "一件130厘米的羽绒服", "一条5米的晾衣绳",
    "轮椅一辆", "一床2米乘1.8米的棉被", "课业辅导，每周两次", "a pair of winter shoes, size 34", "Wheelchairs and aids",
    "10套校服", "一副150度老花镜", "200元以内的热水壶",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kinds"), TELLING)
def test_what_tells_who_it_is_is_found(text: str, kinds: set[str]) -> None:
    assert {finding.kind for finding in screen(text)} == kinds


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_wish_passes(text: str) -> None:
    assert screen(text) == []


def test_every_title_of_the_demo_world_passes() -> None:
    with DEMO_NEEDS.open(encoding="utf-8", newline="") as file:
        refused = {row["title"]: screen(row["title"]) for row in csv.DictReader(file) if screen(row["title"])}
    assert refused == {}


def test_the_household_s_own_words_are_found_however_they_are_spaced() -> None:
    found = screen(
        "给李 小明的棉鞋，10012345678，送到演示路", names={"李小明"}, numbers={"100-1234-5678"}, places={"演示路"}
    )
    assert [(finding.kind, finding.text) for finding in found] == [
        ("name", "李 小明"),
        ("mobile", "10012345678"),
        ("address", "演示路"),
    ]


def test_findings_that_overlap_are_told_once_and_in_order() -> None:
    found = screen("13812345678和640202190001011239")
    assert [finding.kind for finding in found] == ["mobile", "id_number"]


def test_one_letter_of_a_name_is_no_name() -> None:
    assert screen("一张书桌", names={"张"}) == []


@pytest.mark.parametrize(("number", "fits"), [("4111111111111111", True), ("4111111111111112", False)])
def test_a_card_s_check_digit(number: str, fits: bool) -> None:
    assert luhn(number) is fits
