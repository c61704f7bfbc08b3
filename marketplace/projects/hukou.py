"""Wording that would keep people out by household registration (户籍, hukou).

No field of a project can do so; free text could try. The author is told, and so is the officer who opens the
project. Clauses that say the opposite ("不限户籍") or help with the papers ("协助办理户口登记") are no such wording.
"""

import re
import unicodedata

_TERM = r"(?:户籍|户口|戶籍|戶口|hukou|户口本|户口簿)"
_HERE = r"(?:本地|本市|本区|本县|本省|本乡|本镇|本村|本街道|本社区|本辖区|本自治区|当地|属地|辖区内?|宁夏)"
_PLACE = (
    rf"(?<!非)(?:{_HERE}|区内|市内|县内|自治区|城镇|城市|农村|农业|非农业|石嘴山|大武口|惠农|平罗"
    r"|(?:(?!非)[一-鿿]){1,6}(?:省|市|区|县|镇|乡))"
)
_REGISTRATION = r"(?:hukou|household registration|registered residence)"
_ONLY = r"(?:仅|只|限|须|需|必须|应当|应为|要求|具有|具备|持有?|拥有|属于)"
_KEPT_FOR = r"(?:[仅只](?:限|服务|面向|为|帮|收|供|对|招)|限于?|专为|专供)"
_SHUT = r"(?:除外|不予|不得|不受理|不接受|不接待|不收|不发|不能|不在|不享|恕不|谢绝|勿)"
_STRANGER = r"(?:外地|外来|外省|外市|外县|非本地|非本市|非本区|非本县|非当地|非宁夏|流动)"
_TURNS_AWAY = r"(?:不|拒绝|谢绝|禁止|婉拒)(?:接受|接待|收|受理|面向|服务|对|向|给|招收|招|帮助?|救助|资助|安排|覆盖)?"
_NOT_FOR = r"(?:no|not for|not open to|except|excluding|excludes?)"
_PEOPLE = r"(?:籍学生|学生|子女|务工子女|人员|人口|户籍|户口|务工人员|务工者|居民|家庭|群众|者|人|户)"
_LOCALS = r"(?:locals|(?:registered )?(?:local|native) (?:people|residents?|families|households?|registered residents))"
_NEWCOMERS = (
    r"(?:non-?locals?|non-?residents?|outsiders?|migrants?|migrant workers?|(?:people|families) registered elsewhere)"
)
_SHUT_OUT = r"(?:not (?:served|accepted|eligible|admitted|welcome)|excluded|cannot|may not)"

_TRIES = re.compile(
    "|".join(
        (
            rf"{_PLACE}的?(?:居民|常住|城镇|农村|农业|非农业|非农)*{_TERM}",
            rf"{_ONLY}.{{0,12}}{_TERM}",
            rf"{_TERM}.{{0,8}}(?:优先|方可|才可|才能|为准|限制|要求|须|必须|需|在本|在当地|在宁夏|{_SHUT}|满.{{1,3}}年)",
            rf"{_TERM}(?:所在地|地)?[须应需]?(?:在|为|是|属){_PLACE}",
            rf"(?<!非){_HERE}籍|(?:{_ONLY}.{{0,6}}(?:籍贯|原籍))|籍贯.{{0,3}}(?:须|必须|限|应|为)",
            # Who comes from elsewhere is turned away, named before or after the refusal.
            rf"{_STRANGER}{_PEOPLE}*的?(?:暂时?|一律|均|概|都|请)*{_SHUT}",
            rf"{_TURNS_AWAY}{_STRANGER}{_PEOPLE}",
            r"(?:回|到|由|向).{0,4}(?:户籍地|户籍所在地|户口所在地|原籍).{0,4}(?:申请|办理|负责|救助|解决|申领)",
            # Only those from here, without the word itself.
            rf"{_KEPT_FOR}.{{0,4}}{_HERE}的?(?:居民|户(?![外均数])|人(?![员群民]))",
            rf"(?:必须|须|需|要求|只要|只收).{{0,3}}{_HERE}户(?![外均数])",
            rf"{_HERE}(?:居民|人)(?:专享|专属|专用)",
            rf"(?:优先|照顾)(?:考虑|给|照顾|安排|保障)*{_TERM}",
            r"落户.{0,6}(?:满|方可)",
            r"身份证.{0,8}\d{2,6}.{0,2}(?:开头|打头|起头)",
            rf"(?<!non-)(?<!non)\b(?:local|native|ningxia|urban|rural)[- ]{_REGISTRATION}",
            rf"\b(?:must|needs? to|need|only|requires?|required|holding)\b.{{0,40}}\b{_REGISTRATION}\b",
            rf"\b{_REGISTRATION}\b.{{0,30}}\b(?:only|required|must|first|priority|needed|not accepted)\b",
            rf"\b{_LOCALS}\b(?: registered here)? only\b|\bonly (?:for |open to |serves? |helps? )?{_LOCALS}\b",
            r"\bresidents of (?:this|our) (?:city|district|county|town|region) only\b",
            rf"\b{_NOT_FOR} (?:any )?(?:{_NEWCOMERS}|non-?local \w+|(?:\w+ )?registered elsewhere)\b",
            rf"\b{_NEWCOMERS}\b.{{0,16}}\b{_SHUT_OUT}\b",
            rf"\bwithout (?:a )?local (?:registration|hukou)\b.{{0,20}}\b{_SHUT_OUT}\b",
        )
    ),
    re.IGNORECASE,
)
_WELCOMES = re.compile(
    "|".join(
        (
            rf"(?:不限|不分|不论|无论|不问|不看|不以|不考虑|不受|不设|不作|不要求|不需要?|无需|无须|不必|没有|无).{{0,8}}{_TERM}",
            rf"{_TERM}.{{0,6}}(?:不限|没有任何|无任何|没有要求|无要求|均可|都可|皆可|也可|亦可|同样|同等|一视同仁|不作|不是|不影响|不做|不设限)",
            rf"(?:包括|欢迎|面向){_STRANGER}.{{0,4}}{_TERM}",
            rf"{_STRANGER}.{{0,4}}{_TERM}?.{{0,4}}(?:均可|都可|皆可|也可|亦可|同样|同等|欢迎|一视同仁)",
            rf"(?:居住|住|生活)在{_HERE}",
            rf"{_TERM}在(?:外地|外省|外市|外县|别处|老家|原籍)",
            rf"(?:协助|陪同|代办|代为|解答|咨询).{{0,12}}(?:{_TERM}|落户)",
            r"regardless of|whatever (?:the|their|your)|no matter|is not needed",
            rf"\b(?:any|no|no local|without|without (?:a|any|local|a local)) {_REGISTRATION}",
            rf"{_REGISTRATION}[a-z ]{{0,20}}(?:not|no) (?:required|needed|limit|matter|part)",
        )
    ),
    re.IGNORECASE,
)
_REFUSES = re.compile(
    rf"(?:没有|无|非|未|不具有|不具备).{{0,8}}{_TERM}.{{0,8}}{_SHUT}"
    rf"|\bwithout (?:a )?local (?:registration|hukou)\b.{{0,20}}\b{_SHUT_OUT}\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[。．！？!?；;，,、：:\n\r（）()【】]|\.(?=\s|$)")
_BETWEEN_HAN = re.compile(r"(?<=[一-鿿])\s+(?=[一-鿿])")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")


def hukou_wording(text: str) -> list[str]:
    """The clauses of a text that would keep people out by household registration, in their order, each once.

    A hint for people, not a judge: it knows the common phrases of Chinese and English and reads clause by clause.
    Written from 212 texts (98 that keep people out, 114 that do not), it found 25 of 28 and 2 false ones of 38 among
    66 that were written afterwards; all of them are in tests/marketplace/projects/hukou_texts.csv now.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    clauses = (_BETWEEN_HAN.sub("", clause).strip() for clause in _CLAUSE.split(plain))
    return list(dict.fromkeys(clause for clause in clauses if _keeps_out(clause)))


def _keeps_out(clause: str) -> bool:
    if _REFUSES.search(clause):
        return True
    return bool(_TRIES.search(clause)) and not _WELCOMES.search(clause)
