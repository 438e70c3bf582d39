"""What an operator changes in the programme while somebody is in the middle of it; then he starts the bot anew."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.programmes import Loaded, load
from tests.bot.folders import change, copy_of_the_shipped

Edits = dict[str, dict[str, str]]  # by file, what takes the place of what

REVISED: Edits = {
    "agreement.en.md": {
        "- to improve our products and services\n": "- to write about the program, without naming anybody\n",
        "## 4. Rules of use\n\n- Use your access only for internal learning, research, education and other "
        "non-commercial purposes.\n- Do not transfer, sell or share your access or your rights.\n"
        "- Do not use them commercially.\n- If you break these rules, we will end your rights under the program. "
        "We are not liable for losses that follow from this.\n\n": "",
        "## 5. Your rights": "## 4. Your rights",
        "## 6. Closing": "## 5. Complaints\n\nYou can complain to the contact shown under /help.\n\n## 6. Closing",
    },
    "agreement.zh.md": {
        "- 改进我们的产品和服务\n": "- 撰写关于本计划的文章，不提及任何人的姓名\n",
        "## 4. 使用须知\n\n- 使用权限仅可用于内部学习、研究、教学及其他非商业用途。\n"
        "- 不得转让、出售或与他人共享你的使用权限和相关权益。\n- 不得将其用于任何商业用途。\n"
        "- 如有违反，我们将终止你在本计划中的权益；由此造成的损失，我们不承担责任。\n\n": "",
        "## 5. 你的权利": "## 4. 你的权利",
        "## 6. 结语": "## 5. 投诉\n\n可以通过 /help 中的联系方式投诉。\n\n## 6. 结语",
    },
}
ONE_BYTE: Edits = {
    "agreement.en.md": {"Do not use them commercially.": "Do not use them commercially!"},
    "agreement.zh.md": {"不得将其用于任何商业用途。": "不得将其用于任何商业用途、"},  # E3 80 82 and E3 80 81
}
IMPROVEMENT: Edits = {
    "programme.toml": {
        "# The questions, in": '[consents.improvement]\nbefore = "api_purpose"\nrequired = false\nclause = "3"\n'
        'purposes = ["improve"]\n\n# The questions, in'
    }
}
REWORDED: Edits = {
    "words.en.toml": {
        "Your ID photo is never used for this.": "Your name and your ID photo are never used for this."
    },
    "words.zh.toml": {"证件照片绝不会用于此目的。": "姓名和证件照片绝不会用于此目的。"},
}
CHANGES = {
    "the agreement is revised": REVISED,
    "one byte of the agreement is another": ONE_BYTE,
    "a consent to improvement is asked for": IMPROVEMENT,
    "the consent to improvement is reworded": REWORDED,
}


@cache
def folder_after(names: tuple[str, ...]) -> Path:
    """The shipped programme after these changes, in a folder that lives as long as this process."""
    place = TemporaryDirectory(prefix="intake-programme-")
    atexit.register(place.cleanup)
    folder = copy_of_the_shipped(Path(place.name) / "programme")
    for name in names:
        for file, edits in CHANGES[name].items():
            change(folder, file, edits)
    return folder


@cache
def loaded_after(names: tuple[str, ...]) -> Loaded:
    return load(folder_after(names))
