"""Differentiated service packages of the demo's alliance: for three groups, invented and saying so."""

from marketplace.demo.suppliers import ALLIANCE, MARK_EN, MARK_ZH
from marketplace.organizations.models import Alliance
from marketplace.organizations.services import Item, PackageEntry, ensure_package
from marketplace.permissions import Actor

PACKAGES = (
    PackageEntry(
        name=f"失能老人居家照护套餐{MARK_ZH}",
        name_en=f"Home care for older people who cannot care for themselves{MARK_EN}",
        audience="G-ELDUNABLE",
        summary="一个月的居家照护：护理、助餐、助浴、陪诊同时安排，缺一不可。",
        together=True,
        items=(
            Item("service", "S0202", "每周一次居家基础护理", 4, ("Q-NURSE",), 30),
            Item("service", "S0301", "每日午餐送到家", 30, (), 30),
            Item("service", "S0302", "每两周一次助浴", 2, ("Q-CARER",), 30),
            Item("service", "S0401", "陪同就医一次", 1, (), 30),
        ),
    ),
    PackageEntry(
        name=f"困境儿童成长套餐{MARK_ZH}",
        name_en=f"Growing up well: for children in difficulty{MARK_EN}",
        audience="G-HARDCHILD",
        summary="课业、心理与学习用品，可以分项落实。",
        together=False,
        items=(
            Item("service", "S0801", "每周一次学业辅导", 8, ("Q-NOCRIME",), 60),
            Item("service", "S0601", "心理疏导", 4, ("Q-COUNSEL",), 60),
            Item("goods", "S0803", "一套学习用品", 1, (), 30),
        ),
    ),
    PackageEntry(
        name=f"残疾人康复与就业套餐{MARK_ZH}",
        name_en=f"Recovery and work: for disabled people{MARK_EN}",
        audience="G-DISABLED",
        summary="康复训练、辅具与辅助性就业，可以分项落实。",
        together=False,
        items=(
            Item("service", "S0501", "每周一次肢体康复训练", 8, ("Q-REHAB",), 60),
            Item("service", "S0503", "辅具适配指导", 1, (), 30),
            Item("employment", "S0904", "一个辅助性就业岗位", 1, (), 60),
        ),
    ),
)


def make_packages(actor: Actor, alliances: dict[str, Alliance]) -> None:
    """Store the packages of the alliance, inside the caller's transaction."""
    for alliance in alliances.values():
        if alliance.slug == ALLIANCE:
            for package in PACKAGES:
                ensure_package(actor, alliance, package)
