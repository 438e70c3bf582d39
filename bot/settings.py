"""Every setting: a name, a type, a default and one sentence. Secrets never print."""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "INTAKE_"
DATABASE = "intake.sqlite"  # in the data folder
TELEGRAM = "https://api.telegram.org"
FILE = Path(".env")
OF_TESTS = frozenset(
    {f"{PREFIX}REQUIRE_BROWSER", f"{PREFIX}DEMO_PICTURE"}
)  # what the project's tests are told
OF_KUBERNETES = re.compile(rf"{PREFIX}(SERVICE_.+|PORT(_.+)?)")  # it sets these for a service called intake
ALLOWED = {
    "group": "a negative number; `intake groups` prints it",
    "operators": "a chat id, a whole number",
    "api_url": f"an address, as {TELEGRAM}",
    "webhook_url": "an address, as https://bot.example.org/telegram",
    "listen": "host:port, as 127.0.0.1:8080",
    "status_port": "a port, 1 to 65535, or 0 for none",
}  # in words, where the type alone says too little


class SettingsMistake(Exception):
    """A setting that cannot be used: its name, what is wrong, the cure. Never the value of a secret."""


class _WithData(Protocol):
    data: Path
    key_file: Path | None

    @property
    def key_path(self) -> Path: ...
    @property
    def database(self) -> Path: ...


class Places:
    """Where the data and its key are, for settings that say so."""

    @property
    def key_path(self: _WithData) -> Path:
        return self.key_file or self.data / "operator.key"

    @property
    def next_key_path(self: _WithData) -> Path:
        """Where a new key lies while it takes the place of the old one."""
        return self.key_path.with_name(f"{self.key_path.name}.next")

    @property
    def database(self: _WithData) -> Path:
        return self.data / DATABASE

    @property
    def is_first_start(self: _WithData) -> bool:
        return not self.database.exists()


class Settings(Places, BaseSettings):
    """What a deployment says, by environment or by a file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,
    )

    token: Annotated[SecretStr, Field(description="The bot's token, as @BotFather gave it.")]
    group: Annotated[int, Field(lt=0, description="The reviewers' chat id, a negative number.")]
    api_url: Annotated[
        str, Field(pattern=r"^https?://\S+$", description="The Bot API server; Telegram's own by default.")
    ] = TELEGRAM
    data: Annotated[Path, Field(description="The folder for the database and the key.")] = Path("data")
    key: Annotated[
        SecretStr | None, Field(description="The operator's key itself, 32 bytes in base64url.")
    ] = None
    key_file: Annotated[
        Path | None,
        Field(description="The file with the operator's key; `operator.key` in the data folder by default."),
    ] = None
    backups: Annotated[
        Path | None,
        Field(
            description="The folder for backups, where the bot also notes deletions, so that they outlive the data."
        ),
    ] = None
    programme: Annotated[
        Path | None,
        Field(description="The folder of your programme; the shipped University X Program by default."),
    ] = None
    webhook_url: Annotated[
        str | None,
        Field(pattern=r"^https?://\S+$", description="Where Telegram delivers; without it the bot polls."),
    ] = None
    webhook_secret: Annotated[
        SecretStr | None,
        Field(description="What proves a delivery to be Telegram's: 1 to 256 of A-Z a-z 0-9 _ -."),
    ] = None
    listen: Annotated[
        str, Field(pattern=r"^\S+:\d{1,5}$", description="Host and port on which deliveries are taken.")
    ] = "127.0.0.1:8080"
    status_port: Annotated[
        int,
        Field(
            ge=0, le=65535, description="The port of /healthz, /readyz and /metrics on 127.0.0.1; 0 for none."
        ),
    ] = 8081
    limits: Annotated[
        Literal["telegram", "none"],
        Field(description="Telegram's limits on sending, or none for an own server."),
    ] = "telegram"
    operators: Annotated[
        int | None, Field(description="A chat that is told when something needs the operator.")
    ] = None
    log: Annotated[
        Literal["json", "text", "auto"],
        Field(description="Log lines as JSON, as text, or text on a terminal."),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="From which level on something is logged."),
    ] = "info"

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        token = self.token.get_secret_value()
        number, _, secret = token.partition(":")
        if not number.isdecimal() or len(secret) < 8 or not token.isascii() or any(map(str.isspace, token)):
            raise ValueError(
                "INTAKE_TOKEN: not a bot's token; copy it from @BotFather, it looks like 123456:ABC..."
            )
        if self.backups and self.backups.resolve().is_relative_to(self.data.resolve()):
            raise ValueError(
                "INTAKE_BACKUPS: it lies in the data folder, and would be lost with it; name another one"
            )
        if (
            self.webhook_url
            and urlsplit(self.webhook_url).scheme != "https"
            and urlsplit(self.api_url).hostname == urlsplit(TELEGRAM).hostname
        ):
            raise ValueError(
                "INTAKE_WEBHOOK_URL: Telegram delivers to https only; an address, as https://..."
            )
        if self.webhook_url and not self.webhook_secret:
            raise ValueError("INTAKE_WEBHOOK_SECRET: missing; a webhook needs a secret of its own")
        given = self.webhook_secret.get_secret_value() if self.webhook_secret else "x"
        if not (
            1 <= len(given) <= 256 and given.isascii() and given.replace("_", "").replace("-", "").isalnum()
        ):
            raise ValueError("INTAKE_WEBHOOK_SECRET: only A-Z a-z 0-9 _ - are allowed, 1 to 256 of them")
        return self


def load_settings() -> Settings:
    """The settings as they stand. Raises SettingsMistake with one line."""
    _check_exposure(FILE)
    _check_names(FILE)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsMistake(_one_line(error)) from None


def _check_exposure(file: Path) -> None:
    """A file with secrets in it is for its owner alone. Raises SettingsMistake."""
    secrets = (f"{PREFIX}TOKEN", f"{PREFIX}KEY", f"{PREFIX}WEBHOOK_SECRET")
    try:
        if not file.stat().st_mode & 0o077:
            return
    except OSError:
        return
    if set(_given(file)).intersection(secrets):
        raise SettingsMistake(f"others may read {file}, and it holds secrets; cure: chmod 600 {file}")


def _given(file: Path) -> list[str]:
    """The names that a file sets, as capitals; none when it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [
        name.strip().removeprefix("export ").strip().upper()
        for name, found, _ in (line.partition("=") for line in lines)
        if found
    ]


def _check_names(file: Path) -> None:
    """A setting that does not exist was meant to be another one. Raises SettingsMistake."""
    known = [name.upper() for name in Settings.model_fields]
    foreign = OF_KUBERNETES if f"{PREFIX}SERVICE_HOST" in os.environ else None
    environment = [name.upper() for name in os.environ if not (foreign and foreign.fullmatch(name))]
    for name in sorted({*_given(file), *environment} - OF_TESTS):
        bare = name.removeprefix(PREFIX)
        if bare != name and bare not in known:
            near = get_close_matches(bare, known, n=1)
            cure = f"did you mean {PREFIX}{near[0]}?" if near else "`intake describe` lists those there are"
            raise SettingsMistake(f"{name}: no such setting; {cure}")


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    key = str(first["loc"][0])
    name, field = f"{PREFIX}{key.upper()}", Settings.model_fields[key]
    if first["type"] == "missing":
        return f"{name}: missing. {field.description}"
    allowed = ALLOWED.get(key) or ", ".join(get_args(field.annotation)) or str(first["msg"])
    return f"{name}: found {_shown(key, first['input'])}; allowed: {allowed}"


def _shown(key: str, value: Any) -> str:
    """What was found: a number as it stands, words in quotes, a secret never."""
    if SecretStr in (annotation := Settings.model_fields[key].annotation, *get_args(annotation)):
        return "another value"
    text = str(value)
    return text if re.fullmatch(r"[-+]?\d+", text) and annotation is not str else repr(text)


class _Part(BaseSettings):
    """A command that needs a few settings asks for no more."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        hide_input_in_errors=True,
    )


class _ProgrammeAlone(_Part):
    programme: Path | None = None


class DataAlone(Places, _Part):
    """What a command needs that only reads the data."""

    data: Path = Path("data")
    key: SecretStr | None = None
    key_file: Path | None = None


class TokenAlone(_Part):
    """What `intake groups` needs."""

    token: SecretStr
    api_url: str = TELEGRAM
    data: Path = Path("data")


def token_setting() -> TokenAlone:
    """The token and where to use it. Raises SettingsMistake."""
    _check_exposure(FILE)
    try:
        return TokenAlone()
    except ValidationError as error:
        raise SettingsMistake(_one_line(error)) from None


def data_setting(folder: Path | None = None) -> DataAlone:
    """Where the data and its key are, or are in that folder. Raises SettingsMistake."""
    _check_exposure(FILE)
    return DataAlone() if folder is None else DataAlone(data=folder)


def programme_setting() -> Path | None:
    """INTAKE_PROGRAMME alone, whatever else is set. Raises SettingsMistake when no folder stands there."""
    folder = _ProgrammeAlone().programme
    if folder is not None and not folder.is_dir():
        raise SettingsMistake(f"{PREFIX}PROGRAMME: there is no folder {folder}")
    return folder
