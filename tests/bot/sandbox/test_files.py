"""Photos and documents both ways."""

import io

import pytest
from PIL import Image

from bot.sandbox.errors import Impossible
from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller, refusal
from tests.cast import Cast, Person, sample_jpeg

LOCATED = 0x8825  # the EXIF tag of a place


@pytest.fixture
def mei(cast: Cast) -> Person:
    mei = cast.applicant()
    mei.start()
    return mei


def picture(width: int, height: int, kind: str = "JPEG", exif: bytes = b"") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 210, 220)).save(out, kind, exif=exif)
    return out.getvalue()


def located(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        return LOCATED in image.getexif()


def with_place() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(LOCATED)[1] = "N"
    return picture(1600, 900, exif=exif.tobytes())


async def load(api: Caller, file_id: str) -> bytes:
    file = await api.ok("getFile", file_id=file_id)
    async with api.session.get(
        f"{api.sandbox.url}/file/bot{api.sandbox.token}/{file['file_path']}"
    ) as response:
        assert response.status == 200
        data = await response.read()
    assert len(data) == file["file_size"]
    return data


async def test_photo_comes_in_sizes_recompressed_and_without_its_place(api: Caller, mei: Person) -> None:
    sent = with_place()
    assert located(sent)
    sizes = mei.send_photo(sent, "My card").photo
    assert [(size["width"], size["height"]) for size in sizes] == [
        (90, 51),
        (320, 180),
        (800, 450),
        (1280, 720),
    ]
    assert len({size["file_id"] for size in sizes}) == len({size["file_unique_id"] for size in sizes}) == 4
    for size in sizes:
        data = await load(api, size["file_id"])
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (size["width"], size["height"])
        assert not located(data) and len(data) == size["file_size"]
    assert mei.messages()[-1].text == "My card"


async def test_small_photo_is_not_blown_up(mei: Person) -> None:
    sizes = mei.send_photo(picture(200, 100)).photo
    assert [(size["width"], size["height"]) for size in sizes] == [(90, 45), (200, 100)]


async def test_no_picture_is_no_photo(mei: Person) -> None:
    with pytest.raises(Impossible):
        mei.send_photo(b"nonsense")


async def test_document_is_left_as_it_was(api: Caller, mei: Person) -> None:
    sent = with_place()
    document = mei.send_file(sent, "../my card.JPG", "text/html").document
    assert document is not None
    assert (document["file_name"], document["mime_type"]) == ("../my card.JPG", "text/html")
    assert await load(api, document["file_id"]) == sent


async def test_path_takes_nothing_of_the_name_but_its_ending(api: Caller, mei: Person) -> None:
    document = mei.send_file(b"x", "../../etc/passwd.tar gz").document
    assert document is not None
    path = (await api.ok("getFile", file_id=document["file_id"]))["file_path"]
    assert path.startswith("documents/file_") and ".." not in path and "passwd" not in path


async def test_over_20_megabytes_cannot_be_had(api: Caller, mei: Person) -> None:
    limit = 20 * 1024 * 1024
    fits, not_fits = mei.send_file(bytes(limit)).document, mei.send_file(bytes(limit + 1)).document
    assert fits and not_fits
    assert (await api.ok("getFile", file_id=fits["file_id"]))["file_size"] == limit
    found = await api.refused("getFile", file_id=not_fits["file_id"])
    assert found.said == (400, "Bad Request: file is too big")


async def test_album_is_one_update_each_with_one_group(api: Caller, mei: Person) -> None:
    mei.send_album([sample_jpeg(), picture(300, 300), picture(400, 300)])
    messages = [update["message"] for update in await api.ok("getUpdates")][1:]
    assert len(messages) == 3 and len({message["media_group_id"] for message in messages}) == 1
    with pytest.raises(Impossible):
        mei.send_album([sample_jpeg()])


async def test_bot_sends_an_album(api: Caller, mei: Person) -> None:
    media = '[{"type":"photo","media":"attach://a","caption":"One"},{"type":"photo","media":"attach://b"}]'
    files = {name: (f"{name}.jpg", picture(300, 200), "image/jpeg") for name in ("a", "b")}
    response = await api.upload("sendMediaGroup", files, chat_id=str(mei.id), media=media)
    sent = (await response.json())["result"]
    assert [message.get("caption") for message in sent] == ["One", None]
    assert sent[0]["media_group_id"] == sent[1]["media_group_id"]
    assert await load(api, sent[0]["photo"][-1]["file_id"])


async def test_bots_photo_is_sent_again_by_its_id(api: Caller, mei: Person) -> None:
    files = {"photo": ("card.jpg", sample_jpeg(), "image/jpeg")}
    response = await api.upload("sendPhoto", files, chat_id=mei.id, caption="<b>Card</b>", parse_mode="HTML")
    sent = (await response.json())["result"]
    assert sent["caption_entities"] == [{"type": "bold", "offset": 0, "length": 4}]
    again = await api.ok("sendPhoto", chat_id=mei.id, photo=sent["photo"][0]["file_id"], has_spoiler=True)
    assert again["photo"] == sent["photo"]
    assert again["has_media_spoiler"] is True


async def test_photo_of_a_message_is_replaced(api: Caller, mei: Person) -> None:
    response = await api.upload(
        "sendPhoto", {"photo": ("a.jpg", picture(300, 200), "image/jpeg")}, chat_id=mei.id
    )
    sent = (await response.json())["result"]
    media = {"type": "photo", "media": "attach://new", "caption": "Erased"}
    place = {"chat_id": mei.id, "message_id": sent["message_id"], "media": media}
    response = await api.upload(
        "editMessageMedia", {"new": ("b.jpg", picture(64, 64), "image/jpeg")}, **place
    )
    changed = (await response.json())["result"]
    assert (changed["caption"], changed["photo"][-1]["width"]) == ("Erased", 64)
    assert "edit_date" in changed


@pytest.mark.parametrize(
    ("data", "description"),
    [
        (b"", "file must be non-empty"),
        (b"nonsense", "IMAGE_PROCESS_FAILED"),
        (picture(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (picture(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (
            bytes(10_485_761),
            "file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
        ),
    ],
    ids=["empty", "no picture", "too long", "too large", "too heavy"],
)
async def test_unfit_photo_of_the_bot_is_refused(
    api: Caller, mei: Person, data: bytes, description: str
) -> None:
    form = {"photo": ("a.jpg", data, "image/jpeg")}
    found = await refusal(await api.upload("sendPhoto", form, chat_id=mei.id))
    assert found.said == (400, f"Bad Request: {description}")


async def test_empty_document_of_the_bot_is_refused(api: Caller, mei: Person) -> None:
    found = await refusal(
        await api.upload("sendDocument", {"document": ("a.txt", b"", "text/plain")}, chat_id=mei.id)
    )
    assert found.said == (400, "Bad Request: file must be non-empty")


async def test_token_guards_the_files(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    path = (await api.ok("getFile", file_id=mei.send_photo().photo[0]["file_id"]))["file_path"]
    async with api.session.get(f"{sandbox.url}/file/bot1:AAAAAAAA/{path}") as response:
        assert (await refusal(response)).said == (404, "Not Found")
