"""Lines of Chinese as caseworkers type them, with and without what could tell who somebody is; all invented.

Drawn from a seed. Places and schools are put together from parts that the screening's own patterns do not list.
"""

from random import Random

from marketplace.identity import check_digit_fits
from marketplace.screening import luhn

_WANTS = (
    "想要一件棉衣",
    "孩子想要一个书包",
    "老人需要一个热水袋",
    "缺一床厚被子",
    "盼着有一盏台灯",
    "希望有人陪伴就医",
    "一双34码棉鞋",
    "一套水彩笔",
    "需要每周助餐两次",
    "家里想添一个电饭锅",
    "希望有志愿者辅导数学",
    "想去看一次科技馆",
)
_NAMES = (
    "春晖",
    "启明",
    "宝丰",
    "双渠",
    "长胜",
    "沙湖",
    "崇岗",
    "石炭井",
    "育新",
    "锦林",
    "汇泽",
    "永康",
    "红果",
    "通贵",
    "星光",
)
_EXTRA = ("", "，谢谢", "。请尽快", "！", "，送到传达室", " （急）")


def _digits(draw: Random, number: int) -> str:
    return "".join(draw.choice("0123456789") for _place in range(number))


def _id_number(draw: Random) -> str:
    county = draw.choice(("640202", "640104", "640381", "622827"))
    year, month, day = draw.randint(1935, 2021), draw.randint(1, 12), draw.randint(1, 28)
    body = f"{county}{year}{month:02}{day:02}{_digits(draw, 3)}"
    number = next(body + last for last in "0123456789X" if check_digit_fits(body + last))
    return draw.choice(
        (
            number,
            number.lower(),
            f"{number[:6]} {number[6:14]} {number[14:]}",
            f"{number[:6]}-{number[6:14]}-{number[14:]}",
            number.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")),
            number[:10] + "\u200b" + number[10:],
        )
    )


def _phone(draw: Random) -> str:
    number = f"1{draw.choice('3456789')}{_digits(draw, 9)}"
    return draw.choice(
        (
            number,
            f"{number[:3]} {number[3:7]} {number[7:]}",
            f"{number[:3]}-{number[3:7]}-{number[7:]}",
            f"+86{number}",
            f"86 {number}",
            number.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
            f"{number[:3]}.{number[3:7]}.{number[7:]}",
            number.translate(str.maketrans("0123456789", "零一二三四五六七八九")),
            " ".join(number),
        )
    )


def _card(draw: Random) -> str:
    body = (draw.choice(("622848", "621700", "6217856", "955880", "436742")) + _digits(draw, 12))[
        : draw.choice((15, 18))
    ]
    number = next(body + last for last in "0123456789" if luhn(body + last))
    return draw.choice((number, " ".join(number[place : place + 4] for place in range(0, len(number), 4))))


def _plate(draw: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    head, tail = draw.choice("宁甘陕蒙京") + draw.choice("ABCDE"), draw.choice(letters) + _digits(draw, 4)
    green = f"{draw.choice('DF')}{_digits(draw, 5)}"
    return draw.choice(
        (head + tail, f"{head}·{tail}", f"{head} {tail}", head + green, (head + tail).lower(), f"{head}-{tail}")
    )


def _mail(draw: Random) -> str:
    name = draw.choice(("nuan.dong", "li_2019", "a-b", "x9")) + _digits(draw, 3)
    host = draw.choice(("qq.com", "163.com", "example.com.cn", "mail.example.org"))
    return draw.choice((f"{name}@{host}", f"{name}＠{host}", f"{name} @ {host}", f"{name}(at){host}"))


def _address(draw: Random) -> str:
    name, one, two = draw.choice(_NAMES), draw.randint(1, 38), draw.randint(1, 6)
    room = draw.randint(101, 2204)
    han = draw.choice("一二三四五六七八九")
    return draw.choice(
        (
            f"{name}小区{one}号楼{two}单元{room}室",
            f"{name}家园{one}栋{room}",
            f"{one}号楼{room}",
            f"{name}村{han}组",
            f"{name}镇{draw.choice(_NAMES)}村",
            f"{name}街{one}号",
            f"{name}路{one}号院",
            f"{name}{han}巷{one}号",
            f"{name}新村{two}队",
            f"{name}花园B座{room}",
            f"{name}社区{one}幢",
            f"{name}农场{han}队",
            f"{one}-{two}-{room}",
            f"{name}街道办事处旁边的{two}单元",
            f"{name}家属院",
            f"住{room}室",
            f"第{han}村民小组",
            f"{name}巷西头",
        )
    )


def _school(draw: Random) -> str:
    name, han, number = draw.choice(_NAMES), draw.choice("一二三四五六七八九"), draw.randint(1, 9)
    return draw.choice(
        (
            f"{name}小学",
            f"第{han}小学",
            f"市第{han}中学",
            f"{name}中心小学",
            f"{name}幼儿园",
            f"{name}镇中学",
            f"{name}实验学校",
            f"{name}{han}小",
            f"{draw.choice('一二三四五六')}年级{number}班",
            f"{draw.choice('七八九')}（{number}）班",
            f"高{draw.choice('一二三')}{number}班",
            f"{draw.choice('一二三四五六')}（{number}）班",
            f"{name}高级中学",
            f"{name}特殊教育学校",
            f"{name}职业学校",
            f"初{draw.choice('一二三')}（{han}）班",
        )
    )


MAKERS = {
    "id_number": (_id_number, ("身份证{}", "证件号：{}", "{}", "身份证号码为{}")),
    "mobile": (_phone, ("电话{}", "打{}联系", "{}", "手机号：{}")),
    "bank_card": (_card, ("卡号{}", "打到{}", "银行卡 {}")),
    "plate": (_plate, ("车牌{}", "开{}来", "{}接送")),
    "email": (_mail, ("邮箱{}", "发到{}", "写信：{}")),
    "address": (_address, ("住{}", "送到{}", "家在{}", "{}")),
    "school": (_school, ("在{}上学", "{}的孩子", "就读于{}", "{}")),
}


def telling_lines(kind: str, number: int, seed: int = 20261124) -> list[str]:
    """Lines with one part of a kind that tells who somebody is, before, after or inside a wish."""
    draw = Random(f"{seed}-{kind}")  # noqa: S311  # test data, no secret
    make, frames = MAKERS[kind]
    lines = []
    for _line in range(number):
        part = draw.choice(frames).format(make(draw))
        want = draw.choice(_WANTS)
        lines.append(draw.choice((f"{part}，{want}", f"{want}，{part}", f"{want}。{part}")) + draw.choice(_EXTRA))
    return lines


_THINGS = (
    "棉鞋 34 码",
    "一米二的书桌",
    "护眼台灯",
    "《新华字典》",
    "三年级语文练习册",
    "电热毯",
    "5 公斤大米",
    "助行器",
    "轮椅坐垫",
    "130 厘米的羽绒服",
    "篮球",
    "保温饭盒",
    "老花镜 200 度",
    "一个小区里能用的助步车",
    "学校用的水杯",
    "小学生作文书",
    "夜光跳绳",
    "血压计",
    "初中英语词典",
    "高中数学必修一",
    "幼儿绘本 20 本",
    "一箱牛奶",
    "2 米长的晾衣绳",
    "血糖试纸 50 片",
    "16 色水彩笔",
    "24 寸拉杆箱",
)
_FRAMES = (
    "想要{}",
    "孩子盼着有{}",
    "老人需要{}",
    "希望得到{}，本月内",
    "{}，200 元以内",
    "家里缺{}",
    "一份{}",
    "给上小学的孩子：{}",
    "希望志愿者帮忙买{}",
    "需要{}两份",
    "请在 12 月 20 日前送来{}",
    "{}（质量好一些）",
    "冬天到了，想要{}",
)
_HARMLESS = (
    "每周二、四上午 10 点上门助浴",
    "陪老人去医院取药，每月一次",
    "农村老人安装扶手 3 处",
    "参加社区活动的接送",
    "夜班护工 7 天",
    "三班倒的照护员一名",
    "教老人用微信视频聊天",
    "陪读一小时，每周三次",
    "想看一场电影",
    "修一修漏水的水龙头",
    "一组储物柜，长 1.2 米",
    "助餐 30 天，每天 2 餐",
    "4 人份的碗筷",
    "打印 200 张学习资料",
    "搬家需要 3 名志愿者",
    "法律咨询一次",
    "一次城市公园的集体出游",
    "适老化改造：加装 2 个扶手",
    "想学会用智能手机",
    "理发一次，老人行动不便",
    "上门修理电灯和插座",
    "孩子想参加一次足球训练营",
    "暑假课业辅导 8 周",
    "一条围巾和一双手套",
)


def harmless_lines(number: int, seed: int = 20261124) -> list[str]:
    """Wishes that tell nobody, with the numbers, sizes and school words that wishes have."""
    draw = Random(seed)  # noqa: S311  # test data, no secret
    made = [draw.choice(_FRAMES).format(draw.choice(_THINGS)) for _line in range(number - len(_HARMLESS))]
    return [*_HARMLESS, *made]
