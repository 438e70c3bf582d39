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
        "backups": None,
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
        ("GROUP", "reviewers", "'reviewers'; allowed: a negative number; `intake groups` prints it"),
        ("GROUP", "5", "5; allowed: a negative number; `intake groups` prints it"),
        ("GROUP", "", "''; allowed: a negative number; `intake groups` prints it"),
        ("API_URL", "8081", "'8081'; allowed: an address, as https://api.telegram.org"),
        ("WEBHOOK_URL", "b.org", "'b.org'; allowed: an address, as https://bot.example.org/telegram"),
        ("LISTEN", "8080", "'8080'; allowed: host:port, as 127.0.0.1:8080"),
        ("STATUS_PORT", "70000", "70000; allowed: a port, 1 to 65535, or 0 for none"),
        ("STATUS_PORT", "-1", "-1; allowed: a port, 1 to 65535, or 0 for none"),
        ("LIMITS", "some", "'some'; allowed: telegram, none"),
        ("OPERATORS", "me", "'me'; allowed: a chat id, a whole number"),
        ("LOG", "xml", "'xml'; allowed: json, text, auto"),
        ("LOG_LEVEL", "loud", "'loud'; allowed: debug, info, warning, error"),
    ],
)
def test_a_malformed_setting_is_one_line_that_says_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    assert refusal(monkeypatch, **{name: value}) == f"INTAKE_{name}: found {says}"


def test_a_mistyped_setting_is_named_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    line = refusal(monkeypatch, GRUOP="5")
    assert line == "INTAKE_GRUOP: no such setting; did you mean INTAKE_GROUP?"


def test_a_setting_that_is_like_no_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, XYZZY="") == (
        "INTAKE_XYZZY: no such setting; `intake describe` lists those there are"
    )


def test_a_mistyped_setting_in_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("# INTAKE_NOTE=1\nexport intake_status_prot = 0\nOTHER=1\n")
    with pytest.raises(SettingsMistake) as caught:
        loaded(monkeypatch)
    assert str(caught.value) == ("INTAKE_STATUS_PROT: no such setting; did you mean INTAKE_STATUS_PORT?")


def test_what_others_set_under_these_names_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(monkeypatch, REQUIRE_BROWSER="1", DEMO_PICTURE="x.png")
    loaded(monkeypatch, SERVICE_HOST="10.0.0.1", PORT="tcp://10.0.0.1:80", PORT_80_TCP_ADDR="10.0.0.1")


def test_telegram_delivers_to_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "http://bot.example.org/t"
    assert refusal(monkeypatch, WEBHOOK_URL=address, WEBHOOK_SECRET="w").startswith(
        "INTAKE_WEBHOOK_URL: Telegram delivers to https only"
    )
    own = loaded(monkeypatch, WEBHOOK_URL=address, WEBHOOK_SECRET="w", API_URL="http://127.0.0.1:8081")
    assert own.webhook_url == address


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
