"""Finds what could tell who a person is in a text meant for others (rule P4). Pure: text in, findings out.

Patterns err on the side of finding: a person rewrites the text, nothing is changed by itself. What is beyond
doubt is certain; what needs a person's judgement is a possible finding, asked for by `possible=True`. Every
pattern has bounded repetitions, so that no text takes longer than its length deserves.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.identity import check_digit_fits

_SEPARATED = r"[ \-·.—–_/]{0,2}"
_ID_NUMBER = re.compile(rf"(?<!\d)[1-9](?:{_SEPARATED}\d){{16}}{_SEPARATED}[\dXx](?![\dA-Za-z])")
_OLD_ID_NUMBER = re.compile(r"(?<!\d)[1-9]\d{14}(?!\d)")
_CARD = re.compile(rf"(?<!\d)\d(?:{_SEPARATED}\d){{14,18}}(?!\d)")
_AT = re.compile(r"\s?(?:@|[(\[]at[)\]])\s?[\w-]{1,63}(?:\s?\.\s?[A-Za-z][\w-]{0,62}){1,4}", re.IGNORECASE)
_BEFORE_AT = re.compile(r"[\w.+-]{1,64}$", re.ASCII)
#: Categories of characters that no reader sees, or sees as a part of another; between digits they would hide a number.
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
#: Letters and signs that look like nothing: fillers of Hangul, an empty pattern of Braille.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_BLANKS = re.compile("[\t\v\f\x85\u2028\u2029]")
#: Shows what follows from its end to its beginning: what is read is not what is written.
_REVERSED = "\u202e"

_HAN = r"[\u4e00-\u9fff]"
_NUMERAL = r"[0-9一二三四五六七八九十百]{1,6}"
_DOOR = r"(?:[0-9一二三四五六七八九十百]{1,6}|[A-Z甲乙丙丁东西南北](?=\s?[座栋幢]))"
_DISEASES = (
    "癌|肿瘤|白血病|淋巴瘤|尿毒症|肾衰|肾病|透析|化疗|放疗|艾滋|(?-i:HIV|AIDS)|梅毒|乙肝|丙肝|肝炎|肝硬化|结核|尘肺|哮喘|"
    "精神分裂|抑郁|躁狂|双相|焦虑症|强迫症|精神病|精神障碍|自闭症|孤独症|多动症|癫痫|脑瘫|唐氏|痴呆|阿尔茨海默|帕金森|"
    "糖尿病|高血压|心脏病|冠心病|心梗|脑梗|脑出血|脑卒中|中风|偏瘫|截瘫|瘫痪|渐冻|血友病|地中海贫血|再生障碍|白内障|青光眼|"
    "红斑狼疮|类风湿|骨髓|截肢|先天性|罕见病|肌无力|肌营养不良|白化病|股骨头坏死|静脉曲张|慢阻肺|"
    r"cancer|leuk(?:a?)emia|tumou?r|hepatitis|tuberculosis|epilepsy|autis[mt]|schizophreni\w{0,9}|depressi\w{1,9}|"
    r"diabet\w{1,9}|dementia|alzheimer\w{0,9}|parkinson\w{0,9}|stroke|dialysis"
)
_SENSITIVE = (
    "服刑|坐牢|监狱|刑满|吸毒|戒毒|家暴|虐待|性侵|自杀|自残|孤儿|弃婴|遗弃|非婚|离异|低保|特困|五保|建档立卡|"
    "智力残疾|精神残疾|肢体残疾|视力残疾|听力残疾|言语残疾|多重残疾|[一二三四1-4]级残疾|残疾证|户籍|户口|"
    "回族|汉族|藏族|满族|蒙古族|维吾尔族|东乡族|保安族|撒拉族|穆斯林|教徒"
)
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈杨朱秦许何吕张孔曹严金魏姜马白罗苏田丁韩刘黄徐胡高林郭梁宋唐邓于董萧程袁潘蒋蔡余杜叶任"
    "沙哈纳虎拜撒买妥海勉丛褚卫沈尤施戚谢邹喻章云范彭鲁韦昌苗凤花方俞柳鲍史费岑薛雷贺倪汤殷毕郝安常乐傅康伍"
)
_PLATE_PLACES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_CLASS = r"[（(]?\s?[0-9一二三四五六七八九十]{1,2}\s?[)）]?\s?班(?![次车组长倒制])"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("mobile", re.compile(rf"(?<!\d)(?:\+?86[ -]?)?1{_SEPARATED}[3-9](?:{_SEPARATED}\d){{9}}(?!\d)")),
    ("mobile", re.compile(r"[一幺][三四五六七八九3-9][零〇一幺二两三四五六七八九]{9}")),
    ("landline", re.compile(r"(?<!\d)\(?0\d{2,3}\)?[ -]{0,2}\d{3,4}[ -]?\d{4}(?!\d)")),
    ("landline", re.compile(r"(?:电话|座机|联系方式|tel)\D{0,4}\d{3,4}[ -]?\d{4}(?!\d)", re.IGNORECASE)),
    ("messenger", re.compile(
        r"(?:微信|薇信|V信|we?chat|weixin|vx|wx|QQ|扣扣|抖音|快手)(?:号码?|群|ID)?\s{0,2}[:：是为]?\s{0,2}[\w-]{5,20}",
        re.IGNORECASE | re.ASCII)),
    ("plate", re.compile(
        rf"[{_PLATE_PLACES}]\s?[A-HJ-NP-Z]\s?[·•.\-]?\s?(?=[A-HJ-NP-Z]{{0,5}}\d)"
        r"(?:[A-HJ-NP-Z0-9]{5,6}|[A-HJ-NP-Z0-9]{4}[警学挂港澳])(?![A-Z0-9])", re.IGNORECASE)),
    ("address", re.compile(rf"{_DOOR}\s?(?:号楼|[栋幢座](?!房|山|桥|城)|单元|号院|弄(?!堂)|号门|号店)")),
    ("address", re.compile(r"(?<!\d)\d{1,2}\s?[-—]\s?\d{1,2}\s?[-—]\s?\d{3,4}(?!\d)")),
    ("address", re.compile(r"(?<!\d)\d{2,4}\s?室(?!内|外)")),
    ("address", re.compile(rf"(?:路|街|道|巷|胡同|门牌|大院)\s?{_NUMERAL}\s?号")),
    ("address", re.compile(
        rf"{_HAN}{{1,6}}(?<![农乡新山全本同进回在])村(?!民|里|庄|口|医|级|委)(?:{_NUMERAL}\s?(?:组|队|社))?")),
    ("address", re.compile(rf"{_HAN}{{2,5}}新村(?:{_NUMERAL}\s?(?:组|队|社))?")),
    ("address", re.compile(rf"(?:第{_NUMERAL}|(?<!\d)\d{{1,2}})\s?(?:村民小组|组(?=\s?\d{{1,4}}\s?号))")),
    ("address", re.compile(rf"(?<={_HAN}){_NUMERAL}\s?(?:村民小组|生产队)|{_HAN}{{2,4}}农场(?:{_NUMERAL}\s?[队连])?")),
    ("address", re.compile(rf"{_HAN}{{1,4}}{_NUMERAL}\s?巷|{_HAN}{{2,4}}巷(?!口|子)")),
    ("address", re.compile(rf"{_HAN}{{2,4}}(?:街道办?(?:事处)?|(?<![城乡集小古村])镇)(?!卫|静|定|痛|居)")),
    ("school", re.compile(
        rf"第?{_NUMERAL}(?:小学|中学|幼儿园|高级中学)"
        rf"|{_HAN}{{1,8}}(?:实验|中心|希望|回民|附属|外国语|职业|特殊教育|特教)(?:小学|中学|幼儿园|学校|高中|初中)")),
    ("school", re.compile(rf"{_HAN}{{1,8}}[市县区镇乡村](?:小学|中学|幼儿园|学校|高中|初中)")),
    ("school", re.compile(
        rf"{_HAN}{{2,3}}(?:第)?[一二三四五六七八九十]{{1,2}}[中小幼](?![学型个心午级组时米件年号码朋孩学间风])")),
    ("school", re.compile(
        rf"(?:[一二三四五六七八九1-9]\s?年级|[初高][一二三1-3]|[七八九])(?:年级)?\s?{_CLASS}")),
    ("school", re.compile(rf"[一二三四五六1-6]\s?[（(]\s?{_NUMERAL}\s?[)）]\s?班")),
    ("school", re.compile(rf"(?<![\d第]){_NUMERAL}\s?班(?![次车组长倒制轮])")),
    ("health", re.compile(_DISEASES, re.IGNORECASE)),
    ("sensitive", re.compile(_SENSITIVE)),
    ("name", re.compile(rf"(?<!{_HAN})[{_SURNAMES}]某{{1,2}}")),
)  # fmt: skip
#: A proper name before a word that alone names no place or school.
_PROPER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("school", re.compile(
        rf"({_HAN}{{2,8}}?)(?:小学|中学|幼儿园|高中(?!生|[一二三数语英物化])|初中(?!生|[一二三数语英物化]))"
        r"(?!生|课|语|数|英|教|阶|书|毕|用|[一二三四五六]年)")),
    ("school", re.compile(rf"({_HAN}{{2,6}}?)学校(?!用|门|老师|组织)")),
    ("address", re.compile(
        rf"({_HAN}{{2,8}}?)(?:小区|社区(?!活动|服务|食堂|医院|卫生)|家属院|花园|公寓|嘉园|佳苑|家园(?!网)|嘉苑|新苑|雅苑|名邸)")),
)  # fmt: skip
#: Words before it that make no proper name, e.g. 孩子刚上小学, 参加社区活动.
_COMMON = re.compile(
    r"(?:[上读念在的是给为升入进刚到个名位所套本份台年去逛看和与及或里回到离从往对让由被把]|适合|需要|孩子|子女|儿子|女儿|"
    r"孙子|孙女|学生|参加|参与|融入|附近|所在|本地|当地|居住|城市|农村|精神|障碍|组织|老年|康复|寄宿制?|职业|特殊教育|培训|"
    r"幸福|共建|美丽|爱护|老旧|无障碍|陪读|开学|准备|联系|通过|经过)$"
)
_POSSIBLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("bank_card", re.compile(rf"(?<!\d)\d(?:{_SEPARATED}\d){{14,18}}(?!\d)")),
    ("mobile", re.compile(rf"(?<!\d)\d(?:{_SEPARATED}\d){{9,11}}(?!\d)")),
    ("messenger", re.compile(r"微信同号|(?:加|扫)(?:我|他|她)?微信|微信联系")),
    ("name", re.compile(
        rf"(?:名叫|叫做|我叫|他叫|她叫|姓名|名字[是叫]|本人)\s?[:：是为]?\s?[{_SURNAMES}]{_HAN}{{1,2}}")),
    ("name", re.compile(
        rf"(?:(?<!{_HAN})|(?<=[给为请帮和]))[{_SURNAMES}]{_HAN}{{0,2}}"
        r"(?:同学|小朋友|老师|先生|女士|奶奶|爷爷|大爷|大妈|大娘|阿姨|叔叔|师傅)")),
    ("name", re.compile(
        rf"(?:^|(?<=[，。；、,;给为请帮和]))[{_SURNAMES}]{_HAN}{{1,2}}(?=的|想要|需要|希望|今年|，|,)")),
    ("address", re.compile(
        rf"{_HAN}{{2,4}}(?:大道|[路街](?!口|上|边|灯|程|面|费|途|道|线|过|舞))(?:附近|旁|对面|与|和|口)?")),
    ("address", re.compile(rf"{_HAN}{{2,3}}[乡](?!村|镇|亲|下|音|愁)|{_NUMERAL}\s?[组队](?![成合装件长员伍])")),
    ("school", re.compile(r"(?:幼儿园)?[大中小]班(?=的|孩子|小朋友)")),
    ("age", re.compile(
        r"(?<!\d)\d{1,2}\s?(?:周岁|岁(?!以上|以下|至|到|-))|(?:19|20)\d{2}年(?:出?生|\d{1,2}月\d{1,2}日)")),
)  # fmt: skip


#: Stands where something was taken out.
BLANK = "▢▢"


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a text that could tell who somebody is.

    Attributes:
        kind: id_number, mobile, landline, bank_card, email, messenger, plate, address, school, health,
            sensitive or name; possible findings may also be age.
        text: the part, as it was written.
        start: where it begins in the normalised text.
        certain: beyond doubt; else a person judges.
    """

    kind: str
    text: str
    start: int
    certain: bool = True

    @property
    def end(self) -> int:
        return self.start + len(self.text)


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
    """Full-width digits and letters as plain ones, invisible characters gone; nothing a reader would notice."""
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text))
    if plain.isascii():
        return plain
    return "".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN and sign not in _FILLERS)


def screen(
    text: str,
    *,
    names: Iterable[str] = (),
    numbers: Iterable[str] = (),
    places: Iterable[str] = (),
    possible: bool = False,
) -> list[Finding]:
    """Everything in a text that could identify somebody, in the order of the text, overlaps once.

    Args:
        names, numbers, places: the household's own, from its record: never to be repeated in the text.
        possible: also what needs a person's judgement.
    """
    plain = normalise(text)
    found = [*_long_numbers(plain), *_mail(plain), *_named(plain, names, "name"), *_named(plain, places, "address")]
    found += _own_numbers(plain, numbers)
    if _REVERSED in text and plain:
        found.append(Finding("sensitive", plain, 0))
    for kind, pattern in _PATTERNS:
        found += [Finding(kind, match.group(), match.start()) for match in pattern.finditer(plain)]
    for kind, pattern in _PROPER:
        for match in pattern.finditer(plain):
            if not _COMMON.search(match.group(1)):
                found.append(Finding(kind, match.group(), match.start()))
    if possible:
        for kind, pattern in _POSSIBLE:
            found += [Finding(kind, match.group(), match.start(), False) for match in pattern.finditer(plain)]
    return _without_overlaps(found, len(plain))


def marked(text: str, findings: Iterable[Finding]) -> list[tuple[str, Finding | None]]:
    """A normalised text cut into parts, each with the finding that it is, or None."""
    plain = normalise(text)
    parts: list[tuple[str, Finding | None]] = []
    done = 0
    for finding in findings:
        if finding.start > done:
            parts.append((plain[done : finding.start], None))
        parts.append((finding.text, finding))
        done = finding.end
    if done < len(plain):
        parts.append((plain[done:], None))
    return parts


def blanked(text: str, findings: Iterable[Finding]) -> str:
    """A normalised text with every finding replaced by a sign for what stood there."""
    return "".join(BLANK if finding else part for part, finding in marked(text, findings))


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


def _mail(text: str) -> Iterator[Finding]:
    """E-mail addresses, looked for from their @: from the front, a long word would be read again and again."""
    for match in _AT.finditer(text):
        before = _BEFORE_AT.search(text, max(match.start() - 64, 0), match.start())
        if before:
            yield Finding("email", text[before.start() : match.end()], before.start())


def _named(text: str, words: Iterable[str], kind: str) -> Iterator[Finding]:
    for word in {normalise(word).strip() for word in words}:
        if len(word) >= 2:
            for match in re.finditer(r"\s{0,3}".join(map(re.escape, word.replace(" ", ""))), text, re.IGNORECASE):
                yield Finding(kind, match.group(), match.start())


def _own_numbers(text: str, numbers: Iterable[str]) -> Iterator[Finding]:
    for number in {re.sub(r"\D", "", normalise(number)) for number in numbers}:
        if len(number) >= 7:
            for match in re.finditer(_SEPARATED.join(number), text):
                yield Finding("mobile" if len(number) == 11 else "id_number", match.group(), match.start())


def _without_overlaps(found: Iterable[Finding], length: int) -> list[Finding]:
    """The longest of those that overlap, certain ones before possible ones, in the order of the text."""
    taken = bytearray(length)
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda item: (not item.certain, -len(item.text), item.start)):
        if not any(taken[finding.start : finding.end]):
            taken[finding.start : finding.end] = b"\x01" * len(finding.text)
            kept.append(finding)
    return sorted(kept, key=lambda item: item.start)
