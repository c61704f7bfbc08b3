"""Finds what could tell who a person is in a text meant for others (rule P4). Pure: text in, findings out.

Patterns err on the side of finding: a person rewrites the text, nothing is changed by itself.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.identity import check_digit_fits

_SEPARATED = r"[ \-·.]?"
_ID_NUMBER = re.compile(rf"(?<!\d)[1-9](?:{_SEPARATED}\d){{16}}{_SEPARATED}[\dXx](?![\dA-Za-z])")
_OLD_ID_NUMBER = re.compile(r"(?<!\d)[1-9]\d{14}(?!\d)")
_CARD = re.compile(rf"(?<!\d)\d(?:{_SEPARATED}\d){{15,18}}(?!\d)")

_HAN = r"[\u4e00-\u9fff]"
_NUMERAL = r"[0-9一二三四五六七八九十百]+"
_DISEASES = (
    "癌|肿瘤|白血病|淋巴瘤|尿毒症|肾衰|肾病|透析|化疗|放疗|艾滋|(?-i:HIV|AIDS)|梅毒|乙肝|丙肝|肝炎|肝硬化|结核|尘肺|哮喘|"
    "精神分裂|抑郁|躁狂|双相|焦虑症|强迫症|精神病|精神障碍|自闭症|孤独症|多动症|癫痫|脑瘫|唐氏|痴呆|阿尔茨海默|帕金森|"
    "糖尿病|高血压|心脏病|冠心病|心梗|脑梗|脑出血|脑卒中|中风|偏瘫|截瘫|瘫痪|渐冻|血友病|地中海贫血|再生障碍|"
    "红斑狼疮|类风湿|骨髓|截肢|先天性|罕见病|肌无力|肌营养不良|白化病|"
    r"cancer|leuk(?:a?)emia|tumou?r|hepatitis|tuberculosis|epilepsy|autis[mt]|schizophreni\w*|depressi\w+|"
    r"diabet\w+|dementia|alzheimer\w*|parkinson\w*|stroke|dialysis"
)
_SENSITIVE = (
    "服刑|坐牢|监狱|刑满|吸毒|戒毒|家暴|虐待|性侵|自杀|自残|孤儿|弃婴|遗弃|非婚|离异|低保|特困|五保|建档立卡|"
    "智力残疾|精神残疾|肢体残疾|视力残疾|听力残疾|言语残疾|多重残疾|[一二三四1-4]级残疾|残疾证|户籍|户口|"
    "回族|汉族|藏族|满族|蒙古族|维吾尔族|东乡族|保安族|撒拉族|穆斯林|教徒"
)
_SURNAMES = "赵钱孙李周吴郑王冯陈杨朱秦许何吕张孔曹严金魏姜马白罗苏田丁韩刘黄徐胡高林郭梁宋唐邓于董萧程袁潘蒋蔡余杜叶任"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("mobile", re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d){8}(?!\d)")),
    ("landline", re.compile(r"(?<!\d)0\d{2,3}[ -]?\d{7,8}(?!\d)")),
    ("landline", re.compile(r"(?:电话|座机|联系方式|tel)\D{0,4}\d{7,8}(?!\d)", re.IGNORECASE)),
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("messenger", re.compile(r"(?:微信|we?chat|weixin|vx|QQ|扣扣)(?:号|群)?\s*[:：]?\s*[\w-]{5,20}", re.I | re.A)),
    ("plate", re.compile(
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·•\s]?(?=[A-HJ-NP-Z]*\d)[A-HJ-NP-Z0-9]{5,6}")),
    ("address", re.compile(rf"{_NUMERAL}\s*(?:号楼|栋|幢|单元|号院|弄)")),
    ("address", re.compile(r"\d{2,4}\s*室")),
    ("address", re.compile(rf"(?:路|街|道|巷|胡同)\s*{_NUMERAL}\s*号")),
    ("address", re.compile(
        rf"{_HAN}{{1,6}}(?<![农乡新山全本同进回在])村(?!民|里|庄|口|医)(?:{_NUMERAL}\s*(?:组|队|社))?")),
    ("address", re.compile(rf"(?:第{_NUMERAL}|\d+)\s*(?:村民小组|组(?=\d+号))")),
    ("address", re.compile(rf"{_HAN}{{1,4}}{_NUMERAL}\s*巷|{_HAN}{{2,4}}巷(?!口)")),
    ("school", re.compile(
        rf"第?{_NUMERAL}(?:小学|中学|幼儿园|高级中学)"
        rf"|{_HAN}{{1,8}}(?:实验|中心|希望|回民|附属|外国语|职业)(?:小学|中学|幼儿园|学校)")),
    ("school", re.compile(rf"(?:{_HAN}{{1,8}}[市县区镇乡村])(?:小学|中学|幼儿园|学校)")),
    ("school", re.compile(
        r"[一二三四五六七八九1-9初高][一二三]?\s*(?:年级)?\s*[（(]?\s*[0-9一二三四五六七八九十]{1,2}\s*[)）]?\s*班(?!次|车|组|长)")),
    ("school", re.compile(r"\d{1,2}\s*班(?!次|车|组|长)")),
    ("health", re.compile(_DISEASES, re.IGNORECASE)),
    ("sensitive", re.compile(_SENSITIVE)),
    ("name", re.compile(rf"(?<!{_HAN})[{_SURNAMES}]某{{1,2}}")),
)  # fmt: skip
#: A proper name before a word that alone names no place or school.
_PROPER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("school", re.compile(rf"({_HAN}{{2,8}}?)(?:小学|中学|幼儿园)(?!生|课|语|数|英|教|阶|书|毕|用|[一二三四五六]年)")),
    ("address", re.compile(rf"({_HAN}{{2,8}}?)(?:小区|社区|家属院|花园|公寓|嘉园|佳苑)")),
)
#: Words before it that make no proper name, e.g. 孩子刚上小学, 参加社区活动.
_COMMON = re.compile(
    r"(?:[上读念在的是给为升入进刚到个名位所套本份台年去逛看和与及或里]|适合|需要|孩子|子女|儿子|女儿|孙子|孙女|学生|"
    r"参加|参与|融入|附近|所在|本地|当地|居住|城市|农村|精神|障碍|组织)$"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a text that could tell who somebody is.

    Attributes:
        kind: id_number, mobile, landline, bank_card, email, messenger, plate, address, school, health,
            sensitive or name.
        text: the part, as it was written.
        start: where it begins in the normalised text.
    """

    kind: str
    text: str
    start: int


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        return 1900 <= date(int(year), int(month), int(day)).year <= 2100
    except ValueError:
        return False


def luhn(number: str) -> bool:
    """Whether the check digit of a bank card number fits (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def normalise(text: str) -> str:
    """Full-width digits and letters as plain ones; nothing a reader would notice."""
    return unicodedata.normalize("NFKC", text)


def screen(
    text: str, *, names: Iterable[str] = (), numbers: Iterable[str] = (), places: Iterable[str] = ()
) -> list[Finding]:
    """Everything in a text that could identify somebody, in the order of the text, overlaps once.

    Args:
        names, numbers, places: the household's own, from its record: never to be repeated in the text.
    """
    plain = normalise(text)
    found = [*_long_numbers(plain), *_named(plain, names, "name"), *_named(plain, places, "address")]
    found += _own_numbers(plain, numbers)
    for kind, pattern in _PATTERNS:
        found += [Finding(kind, match.group(), match.start()) for match in pattern.finditer(plain)]
    for kind, pattern in _PROPER:
        for match in pattern.finditer(plain):
            if not _COMMON.search(match.group(1)):
                found.append(Finding(kind, match.group(), match.start()))
    return _without_overlaps(found)


def _long_numbers(text: str) -> Iterator[Finding]:
    for match in _ID_NUMBER.finditer(text):
        number = re.sub(r"[^\dXx]", "", match.group()).upper()
        if check_digit_fits(number) or _is_date(number[6:10], number[10:12], number[12:14]):
            yield Finding("id_number", match.group(), match.start())
    for match in _OLD_ID_NUMBER.finditer(text):
        number = match.group()
        if _is_date(f"19{number[6:8]}", number[8:10], number[10:12]):
            yield Finding("id_number", number, match.start())
    for match in _CARD.finditer(text):
        if luhn(re.sub(r"\D", "", match.group())):
            yield Finding("bank_card", match.group(), match.start())


def _named(text: str, words: Iterable[str], kind: str) -> Iterator[Finding]:
    for word in {normalise(word).strip() for word in words}:
        if len(word) >= 2:
            for match in re.finditer(r"\s*".join(map(re.escape, word.replace(" ", ""))), text, re.IGNORECASE):
                yield Finding(kind, match.group(), match.start())


def _own_numbers(text: str, numbers: Iterable[str]) -> Iterator[Finding]:
    for number in {re.sub(r"\D", "", normalise(number)) for number in numbers}:
        if len(number) >= 7:
            for match in re.finditer(_SEPARATED.join(number), text):
                yield Finding("mobile" if len(number) == 11 else "id_number", match.group(), match.start())


def _without_overlaps(found: Iterable[Finding]) -> list[Finding]:
    """The longest of those that overlap, in the order of the text."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda item: (-len(item.text), item.start)):
        end = finding.start + len(finding.text)
        if all(end <= other.start or other.start + len(other.text) <= finding.start for other in kept):
            kept.append(finding)
    return sorted(kept, key=lambda item: item.start)
