"""What leaves by `intake export` leaves for a purpose, harms no spreadsheet, and is there whole or not at all."""

import asyncio
import contextlib
import csv
import os
import random
import resource
import signal
import sqlite3
import threading
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from bot.at_rest import change_key_at_rest
from bot.cli import intake
from bot.exported import Exported
from bot.exporting import Made, Wanted, export
from bot.mistakes import Refused
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from bot.sheets import CELL_LIMIT, DRAFT, Csv, NewFile, Xlsx, harmless
from bot.tallies import FEW, HIDDEN, LEAST, Tallies, merged
from conversations.application import Written
from storage.folder import DataLock
from tests import warm
from tests.applying import agree, apply, receipt_in
from tests.bot.filled import fill, receipt_of, settings_of
from tests.bot.folders import change, copy_of_the_shipped
from tests.cast import Cast, Group, RunningBot, running_bot

STATUSES = (
    ["waiting"] * 7
    + ["rejecting", "deciding", "recalled"]
    + ["approved"] * 9
    + ["rejected"] * 6
    + ["withdrawn"] * 3
    + ["returned"]
)
FORMULAS = [
    "=1+1",
    "+1 555 0100",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "\u3000=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " \t ＝1",
    '=HYPERLINK("https://x.example","y")',
]
SCRIPTS = "Ångström, 张伟, محمد علی, นักศึกษา, Ωμέγα, Ж, 한국어, 🧑🏽‍🔬, e\u0301"

pytestmark = pytest.mark.usefixtures("logs_as_before")

Read = Callable[[Path], list[list[Any]]]


def quietly(done: int, total: int) -> None:
    """Nobody looks at the bar."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(intake, ["export", *arguments])


def refused(result: Result) -> str:
    """The one line of what cannot be done."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def csv_rows(path: Path) -> list[list[Any]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def xlsx_rows(path: Path) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for sheet in load_workbook(path).worksheets:
        rows += [["" if cell.value is None else cell.value for cell in row] for row in sheet.iter_rows()]
    return rows


KINDS: dict[str, Read] = {".csv": csv_rows, ".xlsx": xlsx_rows}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a bot that does not run, and its data is full."""
    for name in os.environ:
        if name.startswith("INTAKE_"):
            monkeypatch.delenv(name)
    made = settings_of(tmp_path / "data")
    for name, value in {
        "TOKEN": made.token.get_secret_value(),
        "GROUP": "-5",
        "DATA": str(made.data),
    }.items():
        monkeypatch.setenv(f"INTAKE_{name}", value)
    asyncio.run(fill(made, STATUSES))
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    return made


def exported(settings: Settings) -> list[str]:
    """What the audit log says of exports."""
    with closing(sqlite3.connect(settings.database)) as connection:
        found = connection.execute("SELECT detail FROM audit WHERE action = 'exported' ORDER BY seq")
        return [row[0] for row in found]


# for a purpose


def test_review_gives_all_of_what_reviewers_have_before_them(settings: Settings) -> None:
    result = run("open.csv", "--purpose", "review")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "wrote open.csv: 9 rows, 18 columns, for review\n"
        "it holds personal data in the clear, for which you who hold it are responsible: use it for that purpose"
        " alone, and delete it when that is done; /delete does not reach it\n"
    )
    heading, *rows = csv_rows(Path("open.csv"))
    first = dict(zip(heading, rows[0], strict=True))
    assert first["application.receipt"] == receipt_of(0)
    assert first["full_name"] == "Mei Okafor"
    assert first["identity"] == "photo (front), student"
    assert Counter(row[1] for row in rows) == {"waiting": 7, "rejecting": 1, "deciding": 1}


def test_fulfilment_gives_only_what_was_collected_for_it_and_only_of_the_approved(settings: Settings) -> None:
    assert run("granted.csv", "--purpose", "fulfilment").exit_code == 0
    heading, *rows = csv_rows(Path("granted.csv"))
    own = ["application.receipt", "application.approved_at", "application.language"]
    assert heading == [*own, "email", "department", "api_purpose", "scenarios"]
    assert [row[0] for row in rows] == [receipt_of(number) for number in range(10, 19)]
    assert "Okafor" not in Path("granted.csv").read_text(encoding="utf-8")


def test_who_is_responsible_for_the_file_is_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(folder, "programme.toml", {'# name = "Platform Example Ltd"': 'name = "Platform Example Ltd"'})
    monkeypatch.setenv("INTAKE_PROGRAMME", str(folder))
    said = run("x.csv", "--purpose", "review").stdout
    assert "for which Platform Example Ltd and you who hold it are responsible:" in said


def test_an_answer_that_was_not_collected_for_it_cannot_be_asked_for(settings: Settings) -> None:
    assert refused(run("x.csv", "--purpose", "fulfilment", "--columns", "email,full_name")) == (
        "--columns: full_name was collected to verify; for fulfilment leaves what serves one of provide, contact,"
        " support (exports.fulfilment in programme.toml)"
    )
    assert list(Path.cwd().iterdir()) == []
    assert exported(settings) == []


def test_a_programme_that_names_no_purpose_for_fulfilment_gives_nothing_to_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(folder, "programme.toml", {'fulfilment = ["provide", "contact", "support"]': ""})
    monkeypatch.setenv("INTAKE_PROGRAMME", str(folder))
    line = (
        "programme.toml: exports.fulfilment: found nothing; allowed: a list of purposes among verify, assess,"
    )
    assert refused(run("x.csv", "--purpose", "fulfilment")).startswith(line)
    assert "fulfilment: nothing: programme.toml: exports.fulfilment" in run("--list-columns").stdout


def test_columns_statuses_and_a_day_can_be_chosen(settings: Settings) -> None:
    chosen = (
        "--columns",
        "email, application.status",
        "--status",
        "deciding,waiting",
        "--since",
        "2026-03-07",
    )
    assert run("x.csv", "--purpose", "review", *chosen).exit_code == 0
    heading, *rows = csv_rows(Path("x.csv"))
    assert heading == ["email", "application.status"]
    assert [row[1] for row in rows] == ["waiting", "waiting", "deciding"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("--columns", "fullname"),
            "--columns: no column 'fullname' for review; did you mean full_name?"
            " `intake export --list-columns` names them",
        ),
        (
            ("--columns", "receipt"),
            "--columns: no column 'receipt' for review; did you mean application.receipt?"
            " `intake export --list-columns` names them",
        ),
        (("--since", "7.3.2026"), "--since: found '7.3.2026'; allowed: a day, as 2026-03-07"),
        (
            ("--status", "approved"),
            "--status: found 'approved'; allowed for review: waiting, rejecting, deciding",
        ),
    ],
)
def test_what_a_purpose_does_not_give_is_refused(
    settings: Settings, arguments: tuple[str, ...], line: str
) -> None:
    assert refused(run("x.csv", "--purpose", "review", *arguments)) == line
    assert list(Path.cwd().iterdir()) == []


def test_the_columns_are_named_without_data_or_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--list-columns", "--purpose", "fulfilment")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]][-4:] == [
        "email",
        "department",
        "api_purpose",
        "scenarios",
    ]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_whose_question_has_gone_is_still_told_to_reviewers(
    settings: Settings, tmp_path: Path
) -> None:
    asyncio.run(fill(settings_of(tmp_path / "old"), ["waiting"], {"advisor": Written(text="Lin Wei")}))
    made = export(settings_of(tmp_path / "old"), Wanted(Path("x.csv"), "review"), quietly)
    assert (made.rows, csv_rows(Path("x.csv"))[1][-1]) == (1, "advisor: Lin Wei")


# numbers


def test_statistics_tell_of_nobody(settings: Settings) -> None:
    result = run("n.csv", "--purpose", "statistics")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "it holds numbers, and no personal data")
    _, *rows = csv_rows(Path("n.csv"))
    assert rows == [
        ["step", "submitted", "29"],
        ["outcome", "approved", "9"],
        ["outcome", "rejected", "6"],
        ["status", "waiting", "7"],
        ["status and outcome", "deciding + recalled + rejecting + returned + withdrawn", "7"],
        ["reason", "duplicate + not_legible", "6"],
        ["month", "2026-03", "29"],
    ]
    assert "okafor" not in Path("n.csv").read_text(encoding="utf-8").casefold()
    assert exported(settings) == ["statistics 7"]


def test_numbers_are_numbers_in_a_spreadsheet(settings: Settings) -> None:
    assert (
        run("n.xlsx", "--purpose", "statistics", "--status", "approved", "--columns", "number").exit_code == 0
    )
    assert xlsx_rows(Path("n.xlsx")) == [["number"], [9], [9]]


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 30), max_size=8))
def test_no_small_group_has_a_number(counts: dict[str, int]) -> None:
    found = merged(Counter(counts))
    names = [name for group, _ in found for name in group]
    assert sorted(names) == sorted(name for name, count in counts.items() if count)
    for group, number in found:
        total = sum(counts[name] for name in group)
        assert number == (total if total >= LEAST else FEW)
        assert number != FEW or len(found) == 1


def test_reasons_are_not_told_where_the_rejections_are_too_few() -> None:
    tallies = Tallies()
    for status in ["approved"] * 9 + ["rejected"] * 3:
        tallies.application(status, "2026-03-02T")
    tallies.reasons(("duplicate",) * 3)
    assert list(tallies.lines()) == [
        ("outcome", "approved + rejected", 12),
        ("reason", "all", HIDDEN),
        ("month", "2026-03", 12),
    ]


# what a spreadsheet makes of it


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(tmp_path: Path, formula: str) -> None:
    assert harmless(formula).startswith("'")
    assert harmless(formula).replace("'", "") == formula
    for end in (",", ";", "\t", "|", "\n", '"'):
        assert harmless(f"words{end}{formula}").startswith(f"words{end}'") or end == "\t"
    path = tmp_path / "x.xlsx"
    with path.open("w+b") as file:
        sheet = Xlsx(file, "x", tmp_path)
        sheet.add([formula, "words"])
        sheet.end()
    cells = next(load_workbook(path).worksheets[0].iter_rows())
    assert [cell.data_type for cell in cells] == ["s", "s"]
    assert [bool(cell.quotePrefix) for cell in cells] == [True, False]
    assert cells[0].value == formula.replace("\r", "\n")
    with zipfile.ZipFile(path) as opened:
        assert b"<f>" not in opened.read("xl/worksheets/sheet1.xml")


def test_what_looks_like_another_kind_of_value_stays_words(tmp_path: Path) -> None:
    words = ["#N/A", "TRUE", "007", "1e9", "2026-03-02", "_x003D_1"]
    path = tmp_path / "x.xlsx"
    with path.open("w+b") as file:
        sheet = Xlsx(file, "x", tmp_path)
        sheet.add(words)
        sheet.end()
    cells = next(load_workbook(path).worksheets[0].iter_rows())
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells] == [
        *words[:-1],
        "_x005F_x003D_1",
    ]  # as Excel keeps it, and shows _x003D_1


@pytest.mark.parametrize("kind", KINDS)
def test_any_script_and_lines_come_back_as_they_were(settings: Settings, tmp_path: Path, kind: str) -> None:
    words = f'{SCRIPTS}\n"quoted", and; more\n\nend'
    other = settings_of(tmp_path / "other")
    asyncio.run(fill(other, ["waiting"], {"api_purpose": Written(text=words)}))
    path = Path(f"x{kind}")
    export(other, Wanted(path, "review", ("api_purpose",)), quietly)
    assert KINDS[kind](path) == [["api_purpose"], [words]]


def test_what_xml_cannot_hold_is_marked_and_stops_nothing(tmp_path: Path) -> None:
    for kind in (Csv, lambda file: Xlsx(file, "x", tmp_path)):
        with (tmp_path / "x").open("w+b") as file:
            sheet = kind(file)
            sheet.add(["a\0b\x0b\ud800\uffff"])
            sheet.end()
    assert xlsx_rows_of(tmp_path / "x") == [["a\ufffdb\ufffd\ufffd\ufffd"]]


def xlsx_rows_of(path: Path) -> list[list[Any]]:
    return xlsx_rows(path.rename(path.with_suffix(".xlsx")))


def test_a_cell_that_is_too_long_for_xlsx_is_cut_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with path.open("w+b") as file:
        sheet = Xlsx(file, "x", tmp_path)
        sheet.add(["x" * CELL_LIMIT, "😀" * CELL_LIMIT])
        sheet.end()
    ((whole, cut),) = xlsx_rows(path)
    assert (whole, sheet.cut) == ("x" * CELL_LIMIT, 1)
    assert CELL_LIMIT - 1 <= len(cut.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert cut.endswith("😀 […]")


def test_a_full_sheet_is_followed_by_another_with_the_same_heading(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with path.open("w+b") as file:
        sheet = Xlsx(file, "review", tmp_path, rows=3)
        for row in ("heading", *"abcde"):
            sheet.add([row])
        sheet.end()
    assert load_workbook(path).sheetnames == ["review", "review 2", "review 3"]
    assert xlsx_rows(path) == [["heading"], ["a"], ["b"], ["heading"], ["c"], ["d"], ["heading"], ["e"]]
    assert [one.name for one in tmp_path.iterdir()] == ["x.xlsx"]


# a file that is whole or not there


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_its_owners_alone_and_never_overwritten_unasked(settings: Settings, kind: str) -> None:
    path = Path(f"x{kind}")
    path.write_text("mine")
    path.chmod(0o644)
    assert refused(run(str(path), "--purpose", "review")) == (
        f"{path} exists; say --force to put the new file in its place"
    )
    assert path.read_text() == "mine"
    assert exported(settings) == []
    assert run(str(path), "--purpose", "review", "--force").exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(KINDS[kind](path)) == 10
    assert [one.name for one in Path.cwd().iterdir()] == [path.name]
    assert exported(settings) == ["review 9"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("x.ods", "x.ods: the name must end in .csv or .xlsx"),
        ("nowhere/x.csv", "nowhere/x.csv cannot be written: there is no folder nowhere"),
        ("/proc/x.csv", "/proc/x.csv cannot be written: No such file or directory"),
    ],
)
def test_where_nothing_can_be_written_is_said(settings: Settings, path: str, line: str) -> None:
    assert refused(run(path, "--purpose", "review")) == line
    assert exported(settings) == []


def test_a_folder_in_which_one_may_not_write_is_said(tmp_path: Path) -> None:
    """One that can be looked into, and one that cannot."""
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o000)

    def work() -> None:
        with contextlib.suppress(OSError):  # root may write anywhere
            os.setuid(65_534)
        for path in (Path("/usr/x.csv"), shut / "x.csv"):
            with pytest.raises(Refused, match=f"^{path} cannot be written: Permission denied$"):
                NewFile(path, force=False)
        os._exit(0)

    assert os.waitstatus_to_exitcode(in_a_child(work)) == 0


def test_a_file_that_came_meanwhile_stays(settings: Settings) -> None:
    with NewFile(Path("x.csv"), force=False) as new:
        new.file.write(b"ours")
        Path("x.csv").write_text("theirs")
        with pytest.raises(Refused, match="cannot be written: File exists"):
            new.publish()
    assert Path("x.csv").read_text() == "theirs"


def in_a_child(work: Callable[[], object]) -> int:
    """Its wait status."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(7)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nameless", [True, False])
def test_killed_at_any_piece_it_leaves_no_half_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, nameless: bool
) -> None:
    """Also on file systems that know no nameless files: there the next export sweeps."""
    if not nameless:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)
    monkeypatch.setattr("bot.exporting.PIECE", 5)
    last = random.Random(3).randrange(1, 5)

    def dies(done: int, total: int) -> None:
        if done >= 5 * last:
            os.kill(os.getpid(), signal.SIGKILL)

    for force in (False, True):
        wanted = Wanted(Path(f"x{kind}"), "review", force=force)
        status = in_a_child(partial(export, settings, wanted, dies))
        assert os.WTERMSIG(status) == signal.SIGKILL
        left = [one.name for one in Path.cwd().iterdir()]
        assert left == [] if nameless else all(name.startswith(DRAFT) for name in left)
    export(settings, Wanted(Path(f"x{kind}"), "review"), quietly)
    assert [one.name for one in Path.cwd().iterdir()] == [f"x{kind}"]
    assert len(KINDS[kind](Path(f"x{kind}"))) == 10


def test_a_full_disk_is_said_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    asyncio.run(fill(settings_of(tmp_path / "more"), ["waiting"] * 400))

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        try:
            export(settings_of(tmp_path / "more"), Wanted(Path("x.csv"), "review"), quietly)
        except Refused as error:
            os._exit(2 if str(error) == "x.csv cannot be written: File too large" else 3)

    assert os.waitstatus_to_exitcode(in_a_child(work)) == 2
    assert list(Path.cwd().iterdir()) == []


def test_what_the_audit_log_cannot_take_is_not_exported(settings: Settings) -> None:
    with DataLock(settings.data):  # a bot that is just starting: it does not answer yet
        line = refused(run("x.csv", "--purpose", "review"))
    assert line == f"the data folder {settings.data} is in use by process {os.getpid()}; stop it first"
    assert list(Path.cwd().iterdir()) == []


async def test_nothing_but_a_purpose_and_a_number_is_entered(settings: Settings) -> None:
    class Nobody:
        async def write(self, work: object, *, patience: float = 0.0) -> None:
            raise AssertionError

    handler = Exported(Nobody(), lambda: pytest.fail("no time"))  # type: ignore[arg-type]
    for request in ({}, {"purpose": "Mei", "rows": 1}, {"purpose": "review", "rows": "Mei"}):
        assert "error" in await handler.enter(request)


# only read


def test_nothing_is_written_but_the_audit_log(settings: Settings) -> None:
    def rest() -> list[str]:
        with closing(sqlite3.connect(settings.database)) as connection:
            return [line for line in connection.iterdump() if not line.startswith('INSERT INTO "audit"')]

    before = rest()
    assert run("x.csv", "--purpose", "review").exit_code == 0
    assert rest() == before
    assert exported(settings) == ["review 9"]


def test_without_data_it_says_so_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = "there is no database at"
    for name, value in {"TOKEN": "1:AAAAAAAAAAAA", "GROUP": "-5", "DATA": "none"}.items():
        monkeypatch.setenv(f"INTAKE_{name}", value)
    assert refused(run("x.csv", "--purpose", "review")).startswith(line)
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_is_not_read_but_its_cure_is_said(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("DELETE FROM schema_version WHERE version = 2")
    line = "the database is an older version's; `intake migrate` brings it up to date"
    assert refused(run("x.csv", "--purpose", "review")) == line


def test_what_no_key_opens_is_left_out_and_counted(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("UPDATE people SET wrapped_key = x'00' WHERE person_id LIKE '%01'")
        connection.execute("UPDATE applications SET sealed = x'01' WHERE receipt LIKE '%2'")
    result = run("x.csv", "--purpose", "review")
    assert result.exit_code == 1
    assert result.stderr == "left out, since no key here opens them: 2 applications\n"
    assert "wrote x.csv: 7 rows" in result.stdout
    assert len(csv_rows(Path("x.csv"))) == 8


def test_another_key_is_refused(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.key_path.unlink()
    assert "is missing, and the data cannot be read without it" in refused(
        run("x.csv", "--purpose", "review")
    )
    monkeypatch.setenv("INTAKE_KEY", "A" * 43)
    assert "not the one this data was sealed with" in refused(run("x.csv", "--purpose", "review"))
    assert list(Path.cwd().iterdir()) == []


def test_the_key_may_be_changed_while_it_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.exporting.PIECE", 3)
    changes: list[object] = []

    def tell(done: int, total: int) -> None:
        if not changes:
            work = threading.Thread(target=lambda: changes.append(change_key_at_rest(settings, quietly)))
            work.start()
            work.join()

    made = export(settings, Wanted(Path("x.csv"), "review"), tell)
    assert (made, len(changes)) == (Made(rows=9, columns=18), 1)


# beside a bot that runs


async def command(bot: RunningBot, *arguments: str) -> tuple[int, str]:
    return await warm.run("bot", "export", *arguments, env=bot.environment, cwd=bot.folder)


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def test_it_reads_beside_the_running_bot_which_enters_it(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin", "zh")
    async with running_bot(sandbox, group, tmp_path) as bot:
        receipt = receipt_in(await apply(mei, group))
        await agree(lin)
        await bot.settled()
        for path, rows in ((tmp_path / "x.xlsx", xlsx_rows), (tmp_path / "x.csv", csv_rows)):
            status, said = await command(bot, path.name, "--purpose", "review")
            assert (status, said.splitlines()[0]) == (0, f"wrote {path.name}: 1 row, 18 columns, for review")
            heading, row = rows(path)
            found = dict(zip(heading, row, strict=True))
            assert (found["application.receipt"], found["full_name"]) == (receipt, "Mei Okafor")
            assert found["application.left_out"] == "homepage, scenarios"
            assert b"\xff\xd8\xff" not in path.read_bytes()  # as a JPEG begins
        await bot.settled()
        await bot.terminate()
        assert exported(settings_of(tmp_path / "data")) == ["review 1", "review 1"]
