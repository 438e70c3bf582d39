"""Every setting: read from the environment or a file, refused in one line, and never shown where it is a secret."""

import os
from pathlib import Path

import pytest

from bot.settings import PREFIX, Settings, SettingsMistake, load_settings, programme_setting, token_setting

TOKEN = "123456789:a-secret-of-the-bot"
GOOD = {"TOKEN": TOKEN, "GROUP": "-1001234567890"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in {**GOOD, **values}.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    return load_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    with pytest.raises(SettingsMistake) as caught:
        loaded(monkeypatch, **values)
    line = str(caught.value)
    assert "\n" not in line
    assert list(Path.cwd().iterdir()) == []
    return line


def test_two_settings_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)
    assert (settings.token.get_secret_value(), settings.group) == (TOKEN, -1001234567890)
    assert settings.model_dump(exclude={"token", "group"}) == {
        "api_url": "https://api.telegram.org",
        "data": Path("data"),
        "key": None,
        "key_file": None,
        "programme": None,
        "webhook_url": None,
        "webhook_secret": None,
        "listen": "127.0.0.1:8080",
        "status_port": 8081,
        "limits": "telegram",
        "operators": None,
        "log": "auto",
        "log_level": "info",
    }


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").touch(mode=0o600)
    Path(".env").write_text(f"INTAKE_TOKEN={TOKEN}\nINTAKE_GROUP=-5\nINTAKE_DATA=kept\nOTHER=1\n")
    monkeypatch.setenv("INTAKE_GROUP", "-6")
    settings = load_settings()
    assert (settings.group, settings.data) == (-6, Path("kept"))


def test_the_example_file_works_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    lines = example.read_text(encoding="utf-8").splitlines()
    Path(".env").touch(mode=0o600)
    Path(".env").write_text("\n".join(line.removeprefix("# ") if "=" in line else "" for line in lines))
    settings = load_settings()
    assert settings.webhook_url == "https://bot.example.org/telegram"


@pytest.mark.parametrize(
    ("line", "is_secret"),
    [("INTAKE_TOKEN=x", True), (" export intake_key = x", True), ("INTAKE_GROUP=-5", False)],
)
def test_a_file_with_secrets_that_others_may_read_is_refused(line: str, is_secret: bool) -> None:
    Path(".env").write_text(line + "\n")
    Path(".env").chmod(0o644)
    with pytest.raises(SettingsMistake) as caught:
        load_settings()
    said = "others may read .env, and it holds secrets; cure: chmod 600 .env"
    assert (str(caught.value) == said) is is_secret


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("TOKEN", "INTAKE_TOKEN: missing. The bot's token, as @BotFather gave it."),
        ("GROUP", "INTAKE_GROUP: missing. The reviewers' chat id, a negative number."),
    ],
)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    for other in GOOD.keys() - {name}:
        monkeypatch.setenv(f"{PREFIX}{other}", GOOD[other])
    with pytest.raises(SettingsMistake) as caught:
        load_settings()
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GROUP", "reviewers", "INTAKE_GROUP: Input should be a valid integer"),
        ("GROUP", "1001234567890", "INTAKE_GROUP: Input should be less than 0"),
        ("GROUP", "", "INTAKE_GROUP: Input should be a valid integer"),
        ("API_URL", "api.telegram.org", "INTAKE_API_URL: String should match pattern"),
        ("WEBHOOK_URL", "bot.example.org", "INTAKE_WEBHOOK_URL: String should match pattern"),
        ("LISTEN", "8080", "INTAKE_LISTEN: String should match pattern"),
        ("STATUS_PORT", "70000", "INTAKE_STATUS_PORT: Input should be less than or equal to 65535"),
        ("STATUS_PORT", "-1", "INTAKE_STATUS_PORT: Input should be greater than or equal to 0"),
        ("LIMITS", "some", "INTAKE_LIMITS: Input should be 'telegram' or 'none'"),
        ("OPERATORS", "me", "INTAKE_OPERATORS: Input should be a valid integer"),
        ("LOG", "xml", "INTAKE_LOG: Input should be 'json', 'text' or 'auto'"),
        ("LOG_LEVEL", "loud", "INTAKE_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_malformed_setting_is_one_line_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    line = refusal(monkeypatch, **{name: value})
    assert line.startswith(says)
    assert line.endswith(str(Settings.model_fields[name.lower()].description))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "words",
        "123456789",
        ":secret-word",
        "123:short",
        "abc:a-secret-of-the-bot",
        f"{TOKEN} x",
        "1:ключ-ключ-ключ",
    ],
)
def test_a_token_of_another_form_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    line = refusal(monkeypatch, TOKEN=token)
    assert line == "INTAKE_TOKEN: not a bot's token; copy it from @BotFather, it looks like 123456:ABC..."


@pytest.mark.parametrize("secret", ["two words", "é", "x" * 257, "a/b", "a\nb"])
def test_a_webhooks_secret_has_the_letters_that_telegram_takes(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    line = refusal(monkeypatch, WEBHOOK_URL="https://bot.example.org/t", WEBHOOK_SECRET=secret)
    assert line == "INTAKE_WEBHOOK_SECRET: only A-Z a-z 0-9 _ - are allowed, 1 to 256 of them"


def test_a_webhook_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    line = refusal(monkeypatch, WEBHOOK_URL="https://bot.example.org/t")
    assert refusal(monkeypatch, WEBHOOK_SECRET="") == line
    assert line == "INTAKE_WEBHOOK_SECRET: missing; a webhook needs a secret of its own"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, KEY="key-key-key", WEBHOOK_SECRET="hidden-word")
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    for secret in ("a-secret-of-the-bot", "key-key-key", "hidden-word"):
        assert secret not in shown


def test_the_key_stands_in_the_data_folder_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, DATA="/d").key_path == Path("/d/operator.key")
    assert loaded(monkeypatch, DATA="/d", KEY_FILE="/k").key_path == Path("/k")


def test_every_setting_has_one_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith(".") and "\n" not in field.description


# parts


def test_check_needs_the_programme_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert programme_setting() is None
    monkeypatch.setenv("INTAKE_PROGRAMME", str(tmp_path))
    assert programme_setting() == tmp_path
    monkeypatch.setenv("INTAKE_PROGRAMME", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsMistake, match=r"INTAKE_PROGRAMME: there is no folder .*nowhere"):
        programme_setting()


def test_groups_needs_the_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsMistake, match="INTAKE_TOKEN: missing"):
        token_setting()
    monkeypatch.setenv("INTAKE_TOKEN", TOKEN)
    assert token_setting().token.get_secret_value() == TOKEN
