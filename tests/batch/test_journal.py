"""The journal of a batch: what it holds, whose an input is, and which files it refuses."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from aiocrew.batch.journal import open_journal
from aiocrew.batch.journal_claims import LEASE_S, Owner, has_ended, this_process
from aiocrew.batch.journal_file import _APPLICATION_ID, _LAYOUT, _VERSION
from aiocrew.errors import JournalError
from aiocrew.types.journal import Begun, Elsewhere, Recorded
from tests.batch.journal_scenes import (
    DIGEST,
    OTHER_DIGEST,
    Counted,
    Doing,
    WallClock,
    begun,
    copied,
    files_beside,
    move_owners_away,
    on_clock,
)
from tests.doubles import on_virtual_time


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


async def attempts(journal, key="a", digest=DIGEST, *, retry_failed=False) -> int:
    beginning = await journal.begin(key, digest, retry_failed=retry_failed)
    assert isinstance(beginning, Begun)
    return beginning.attempts


def make_journal(file: Path) -> None:
    async def write() -> None:
        async with open_journal(file) as journal:
            for number in range(40):
                steps = await begun(journal, f"input {number}")
                await steps.step("run/model", Counted("x" * 2_000), str, Doing("ask"))
                await journal.end(f"input {number}", b"{}", ok=True)

    asyncio.run(write())


# What it holds


async def test_an_input_that_ended_is_recorded_in_a_journal_opened_anew(file):
    async with open_journal(file) as journal:
        await begun(journal)
        await journal.end("a", b"outcome", ok=True)
    async with open_journal(file) as journal:
        assert await journal.begin("a", DIGEST, retry_failed=True) == Recorded(b"outcome", 1)


async def test_a_failure_counts_as_done_unless_failures_are_to_be_retried(file):
    async with open_journal(file) as journal:
        assert await attempts(journal) == 1
        await journal.end("a", b"failure", ok=False)
        assert await journal.begin("a", DIGEST, retry_failed=False) == Recorded(b"failure", 1)
        assert await attempts(journal, retry_failed=True) == 2
        await journal.end("a", b"outcome", ok=True)
        assert await journal.begin("a", DIGEST, retry_failed=True) == Recorded(b"outcome", 2)


async def test_an_input_is_begun_again_when_its_digest_changed(file):
    async with open_journal(file) as journal:
        await begun(journal)
        await journal.end("a", b"outcome", ok=True)
        assert await attempts(journal, digest=OTHER_DIGEST) == 2


async def test_resuming_what_was_given_up_is_no_further_attempt(file):
    async with open_journal(file) as journal:
        await begun(journal)
        await journal.give_up("a")
        assert await attempts(journal) == 1


async def test_keys_that_are_no_valid_unicode_are_kept_apart(file):
    async with open_journal(file) as journal:
        for key in ("\ud800", "\ud801", "?", "ü\0x"):
            await begun(journal, key)
            await journal.end(key, key.encode("utf-8", "surrogatepass"), ok=True)
        beginning = await journal.begin("\ud801", DIGEST, retry_failed=False)
        assert beginning == Recorded(b"\xed\xa0\x81", 1)


async def test_what_many_ask_for_at_once_is_committed_together(file):
    async with open_journal(file) as journal:
        await asyncio.gather(*[begun(journal, f"{number}") for number in range(300)])
        await asyncio.gather(*[journal.end(f"{number}", b"{}", ok=True) for number in range(300)])
        done = await asyncio.gather(*[journal.begin(f"{number}", DIGEST, retry_failed=False) for number in range(300)])
    assert done == [Recorded(b"{}", 1)] * 300


async def test_one_change_that_sqlite_refuses_fails_alone(file, monkeypatch):
    async with open_journal(file) as journal:
        await asyncio.gather(begun(journal, "a"), begun(journal, "b"))
        too_long = bytearray(1)  # stands for more than SQLite takes
        monkeypatch.setattr("aiocrew.batch.journal_rows.JournalRows.end", _refusing(too_long))
        results = await asyncio.gather(
            journal.end("a", too_long, ok=True), journal.end("b", b"fine", ok=True), return_exceptions=True
        )
        assert [type(result) for result in results] == [JournalError, type(None)]
        assert await journal.begin("b", DIGEST, retry_failed=False) == Recorded(b"fine", 1)


def _refusing(outcome):
    from aiocrew.batch.journal_rows import JournalRows

    real = JournalRows.end

    def end(self, claimed, given, **how):
        real(self, claimed, given, **how)
        if given is outcome:
            raise OverflowError("BLOB longer than INT_MAX bytes")

    return end


# Whose an input is


async def test_an_input_that_is_under_way_is_elsewhere_for_everybody_else(file):
    async with open_journal(file) as journal, open_journal(file) as other:
        await begun(journal)
        assert await journal.begin("a", DIGEST, retry_failed=False) == Elsewhere(str(this_process("")))
        assert await other.begin("a", OTHER_DIGEST, retry_failed=True) == Elsewhere(str(this_process("")))
        await journal.give_up("a")
        assert await attempts(other) == 1


async def test_leaving_the_journal_gives_up_its_claims(file):
    async with open_journal(file) as other:
        async with open_journal(file) as journal:
            await begun(journal)
        assert await attempts(other) == 1


async def test_of_many_that_begin_an_input_at_once_one_gets_it(file):
    async with open_journal(file) as first, open_journal(file) as second:
        journals = [first, second] * 10
        beginnings = await asyncio.gather(*[journal.begin("a", DIGEST, retry_failed=False) for journal in journals])
    assert sum(isinstance(beginning, Begun) for beginning in beginnings) == 1


async def test_several_may_make_the_journal_at_once(file):
    async def make(number: int) -> None:
        async with open_journal(file) as journal:
            await begun(journal, f"{number}")

    await asyncio.gather(*[make(number) for number in range(8)])
    assert files_beside(file) == ["batch.sqlite"]


async def test_what_a_crashed_journal_had_claimed_is_free_at_once(file, tmp_path):
    async with open_journal(file) as journal:
        await begun(journal)
        crashed = copied(file, tmp_path / "crashed.sqlite")
    async with open_journal(crashed) as journal:
        assert await attempts(journal) == 1


async def test_an_owner_on_another_host_keeps_its_claim_until_its_lease_has_run_out(file, tmp_path):
    clock = WallClock(1_000_000)
    with on_clock(clock):
        async with open_journal(file) as journal:
            await begun(journal)
            crashed = copied(file, tmp_path / "crashed.sqlite")
        move_owners_away(crashed)
        async with open_journal(crashed) as journal:
            clock.now_s += LEASE_S - 1
            beginning = await journal.begin("a", DIGEST, retry_failed=False)
            assert isinstance(beginning, Elsewhere)
            assert beginning.owner.endswith("on abroad")
            clock.now_s += 2
            assert await attempts(journal) == 1


async def test_an_owner_that_lost_its_claim_cannot_write_any_more(file):
    clock, later = WallClock(1_000_000), WallClock(1_000_000 + LEASE_S + 1)
    with on_clock(clock):
        frozen_block = open_journal(file)
        frozen = await frozen_block.__aenter__()
    steps = await begun(frozen)
    move_owners_away(file)
    with on_clock(later):
        async with open_journal(file) as journal:
            assert await attempts(journal) == 1
            with pytest.raises(JournalError, match="another process has taken over the input 'a'"):
                await steps.step("run/model", Counted("late"), str, Doing("ask"))
            with pytest.raises(JournalError, match="taken over"):
                await frozen.end("a", b"late", ok=True)
            await journal.end("a", b"in time", ok=True)
    assert await frozen.begin("a", DIGEST, retry_failed=False) == Recorded(b"in time", 1)
    await frozen_block.__aexit__(None, None, None)


async def test_an_owner_that_woke_up_claims_again_as_a_living_one(file):
    clock = WallClock(1_000_000)
    with on_clock(clock):
        async with open_journal(file) as frozen:
            move_owners_away(file)
            clock.now_s += LEASE_S + 1
            async with open_journal(file) as journal:  # forgets who has ended
                await begun(frozen)
                assert await journal.begin("a", DIGEST, retry_failed=False) == Elsewhere(str(this_process("")))


async def test_a_cancelled_begin_leaves_no_claim(file):
    async with open_journal(file) as journal:
        beginning = asyncio.ensure_future(journal.begin("a", DIGEST, retry_failed=False))
        await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        assert await attempts(journal) == 1


async def test_a_cancelled_end_is_recorded_all_the_same(file):
    async with open_journal(file) as journal:
        await begun(journal)
        ending = asyncio.ensure_future(journal.end("a", b"outcome", ok=True))
        await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        await journal.give_up("a")
        assert await journal.begin("a", DIGEST, retry_failed=False) == Recorded(b"outcome", 1)


@pytest.mark.parametrize(
    ("changed", "silent_s", "ended"),
    [
        ({"token": "another"}, 0, True),
        ({"pid": 2**22 + 1}, 0, True),
        ({"pid": os.getppid(), "started": -1}, 0, True),
        ({"boot": "earlier"}, 0, True),
        ({"boot": "earlier", "host": "elsewhere"}, LEASE_S - 1, False),
        ({"boot": "earlier", "host": "elsewhere"}, LEASE_S + 1, True),
        ({"namespace": "pid:[1]"}, LEASE_S - 1, False),
        ({"namespace": "pid:[1]"}, LEASE_S + 1, True),
        ({"boot": ""}, LEASE_S - 1, False),
        ({"boot": ""}, LEASE_S + 1, True),
    ],
    ids=str,
)
def test_an_owner_has_ended_when_its_process_is_gone_or_its_lease(changed, silent_s, ended):
    me = this_process("mine")
    fields = {name: getattr(me, name) for name in ("token", "host", "boot", "namespace", "pid", "started")}
    owner = Owner(**{**fields, **changed})
    assert has_ended(owner, 1_000.0, me, 1_000.0 + silent_s) is ended


@pytest.mark.parametrize(
    ("pid", "silent_s", "ended"),
    [
        (2**22 + 1, 0, True),
        (os.getpid(), 0, True),
        (os.getppid(), LEASE_S - 1, False),
        (os.getppid(), LEASE_S + 1, True),
        (1, LEASE_S - 1, False),
    ],
)
def test_where_only_the_number_of_a_process_is_known_a_missing_one_has_ended(pid, silent_s, ended):
    me = Owner("mine", "here", "", "", os.getpid(), 0)
    owner = Owner("another", "here", "", "", pid, 0)
    assert has_ended(owner, 1_000.0, me, 1_000.0 + silent_s) is ended


# The file


async def test_only_its_user_can_read_the_journal_whatever_the_umask(file):
    before = os.umask(0)
    try:
        async with open_journal(file) as journal:
            await begun(journal)
            modes = {name: stat.S_IMODE((file.parent / name).stat().st_mode) for name in files_beside(file)}
    finally:
        os.umask(before)
    assert modes == {"batch.sqlite": 0o600, "batch.sqlite-shm": 0o600, "batch.sqlite-wal": 0o600}


async def test_nothing_but_the_file_is_left_when_the_journal_is_closed(file):
    threads = threading.active_count()
    async with open_journal(file) as journal:
        await begun(journal)
    assert files_beside(file) == ["batch.sqlite"]
    assert threading.active_count() <= threads + 2  # idle threads of the pool


async def test_an_empty_file_is_a_new_journal(file):
    file.touch(0o644)
    async with open_journal(file) as journal:
        await begun(journal)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_link_leads_to_the_journal(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    async with open_journal(link) as journal:
        await begun(journal)
        await journal.end("a", b"", ok=True)
    async with open_journal(file) as journal:
        assert await journal.begin("a", DIGEST, retry_failed=False) == Recorded(b"", 1)


def _other_application(file: Path) -> None:
    db = sqlite3.connect(file)
    db.execute("PRAGMA application_id = 7")
    db.execute("CREATE TABLE theirs (x)")
    db.close()


def _newer_format(file: Path) -> None:
    make_journal(file)
    db = sqlite3.connect(file)
    db.execute("PRAGMA user_version = 2")
    db.close()


def _cut_off(file: Path) -> None:
    make_journal(file)
    os.truncate(file, file.stat().st_size // 2)


def _garbage_inside(file: Path) -> None:
    make_journal(file)
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2 // 4096 * 4096)
        opened.write(bytes(range(256)) * 32)


def _no_page(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: file.write_text("topic,year\nwhales,2024\n" * 100), "is no SQLite file"),
        (_no_page, "is no SQLite file"),
        (_other_application, "not a journal of aiocrew"),
        (_newer_format, "has the format 2, and this aiocrew knows 1 only"),
        (_cut_off, "is damaged"),
        (_garbage_inside, "is damaged"),
    ],
    ids=["text", "header", "other application", "newer", "cut off", "garbage"],
)
def test_a_file_that_is_no_whole_journal_is_refused_and_left_as_it_is(file, make, said):
    make(file)
    before = file.read_bytes()

    async def open_it():
        async with open_journal(file):
            pytest.fail("opened")

    with pytest.raises(JournalError, match=said) as raised:
        asyncio.run(open_it())
    assert str(file) in raised.value.message
    assert raised.value.path == str(file)
    assert file.read_bytes() == before
    assert files_beside(file) == ["batch.sqlite"]


@pytest.mark.parametrize("pages", [1, 2, None])
async def test_a_journal_whose_making_was_cut_off_is_made_anew(tmp_path, file, pages):
    made = tmp_path / "made.sqlite"
    with closing(sqlite3.connect(made, isolation_level=None)) as db:
        db.execute("BEGIN")
        for statement in _LAYOUT.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={_VERSION}")
        log = made.with_name("made.sqlite-journal").read_bytes()
        db.execute("COMMIT")
    file.write_bytes(made.read_bytes()[: None if pages is None else 4096 * pages])
    # As SQLite leaves it when it has begun to write the file: with its mark, and nothing to put back.
    file.with_name("batch.sqlite-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + log[8:])
    async with open_journal(file) as journal:
        assert await attempts(journal) == 1


def test_a_damaged_journal_that_was_not_closed_is_left_as_it_is(file, tmp_path):
    async def crash() -> Path:
        async with open_journal(file) as journal:
            await begun(journal)
            return copied(file, tmp_path / "crashed.sqlite")

    make_journal(file)
    crashed = asyncio.run(crash())
    log = tmp_path / "crashed.sqlite-wal"
    os.truncate(crashed, crashed.stat().st_size // 2)
    with crashed.open("r+b") as opened:
        opened.seek(8192)
        opened.write(b"\xff" * 8192)
    before = crashed.read_bytes(), log.read_bytes()
    assert before[1]

    async def open_it():
        async with open_journal(crashed):
            pytest.fail("opened")

    with pytest.raises(JournalError, match="is damaged"):
        asyncio.run(open_it())
    assert (crashed.read_bytes(), log.read_bytes()) == before


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (".", "something else is there"),
        ("missing/batch.sqlite", "there is no folder '.*missing'. Make it first"),
        ("file/batch.sqlite", "Not a directory"),
        ("pipe", "something else is there"),
        ("a\0b", "cannot be used"),
    ],
)
async def test_a_place_where_no_journal_can_be_says_so(tmp_path, place, said):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(JournalError, match=said):
        async with open_journal(tmp_path / place):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_journal_without_the_right_to_write_says_so(file):
    make_journal(file)
    file.chmod(0o400)

    async def batch() -> None:
        async with open_journal(file) as journal:
            await begun(journal)

    with pytest.raises(JournalError, match="cannot be written"):
        asyncio.run(batch())


async def test_a_full_disk_says_so_and_keeps_what_was_recorded(file):
    async with open_journal(file) as journal:
        await begun(journal, "early")
        await journal.end("early", b"early", ok=True)
        await begun(journal, "late")
        await journal._thread.ask(lambda rows: rows._db.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(JournalError, match="the disk is full"):
            await journal.end("late", b"x" * 1_000_000, ok=True)
    async with open_journal(file) as journal:
        assert await journal.begin("early", DIGEST, retry_failed=False) == Recorded(b"early", 1)
        assert await attempts(journal, "late") == 1


def _replaced(file: Path) -> None:
    file.rename(file.with_name("moved.sqlite"))
    file.touch()


@pytest.mark.parametrize("lose", [Path.unlink, _replaced], ids=["removed", "replaced"])
async def test_a_journal_that_is_lost_while_it_is_in_use_says_so(file, lose):
    async with open_journal(file) as journal:
        await begun(journal)
        lose(file)
        with pytest.raises(JournalError, match="was removed or replaced while it was in use"):
            await journal.end("a", b"outcome", ok=True)


async def test_a_journal_is_found_after_the_working_directory_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with open_journal("batch.sqlite") as journal:
        await begun(journal)
        monkeypatch.chdir("/")
        await journal.end("a", b"outcome", ok=True)


def test_damage_that_shows_later_is_told(file):
    make_journal(file)

    async def batch() -> None:
        async with open_journal(file) as journal:
            with file.open("r+b") as opened:
                opened.seek(4096)
                opened.write(b"\xff" * (file.stat().st_size - 4096))
            with pytest.raises(JournalError, match="damaged"):
                await journal.begin("input 3", OTHER_DIGEST, retry_failed=False)

    asyncio.run(batch())


# Closing


def test_a_journal_works_on_a_loop_with_virtual_time(file):
    async def batch() -> Recorded:
        async with open_journal(file) as journal:
            await begun(journal)
            await asyncio.sleep(3_600)
            await journal.end("a", b"outcome", ok=True)
        assert files_beside(file) == ["batch.sqlite"]
        async with open_journal(file) as journal:
            return await journal.begin("a", DIGEST, retry_failed=False)

    assert on_virtual_time(batch) == Recorded(b"outcome", 1)


async def test_cancelling_the_block_closes_the_journal_all_the_same(file):
    inside = asyncio.Event()

    async def batch() -> None:
        async with open_journal(file) as journal:
            await begun(journal)
            inside.set()
            await asyncio.Event().wait()

    work = asyncio.ensure_future(batch())
    await inside.wait()
    work.cancel()
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert files_beside(file) == ["batch.sqlite"]


async def test_cancelling_the_opening_leaves_nothing_open(file):
    for _ in range(5):
        work = asyncio.ensure_future(open_journal(file).__aenter__())
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert files_beside(file) in ([], ["batch.sqlite"])


async def test_a_closed_journal_says_so(file):
    async with open_journal(file) as journal:
        pass
    with pytest.raises(JournalError, match="is closed"):
        await journal.begin("a", DIGEST, retry_failed=False)


async def test_ending_what_was_not_begun_says_so(file):
    async with open_journal(file) as journal:
        with pytest.raises(JournalError, match="the input 'a' was not begun here"):
            await journal.end("a", b"", ok=True)
