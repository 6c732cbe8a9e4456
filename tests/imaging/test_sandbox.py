"""The child processes: the same answers, and what happens when one ends."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.imaging import decode as inside
from app.imaging import sandbox as module
from app.imaging.errors import Damaged, DecodeLimit, DecoderCrashed, NotAnImage, TooManyPixels, Truncated
from app.imaging.probe import probe
from app.imaging.sandbox import Limits, Sandbox
from app.imaging.wire import to_wire
from app.imaging.working import working_image
from tests.imaging.samples import display_p3_like, image, oriented, rgba, scene, write
from tests.imaging.test_probe import png_header


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=2) as pool:
        yield pool.start()


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def test_gives_what_decoding_here_gives(sandbox: Sandbox, tmp_path: Path) -> None:
    paths = [
        write(image(), tmp_path / "plain.jpg", dpi=(200, 200)),
        write(rgba(), tmp_path / "alpha.png", icc_profile=display_p3_like()),
        write(image().convert("CMYK"), tmp_path / "cmyk.jpg"),
        oriented(tmp_path / "turned.webp", 6),
        write(image(), tmp_path / "drawn.bmp"),
    ]
    for path in paths:
        info = sandbox.probe(path)
        assert info == probe(path)
        for max_side in (None, 20):
            ours, theirs = sandbox.decode(path, info, max_side), inside.decode(path, info, max_side)
            assert np.array_equal(ours.pixels, theirs.pixels)
            assert np.array_equal(
                np.zeros(0) if ours.alpha is None else ours.alpha,
                np.zeros(0) if theirs.alpha is None else theirs.alpha,
            )
            assert (ours.icc, ours.dpi, ours.notes) == (theirs.icc, theirs.dpi, theirs.notes)
        assert np.array_equal(sandbox.working_image(path, info), working_image(path, info))


def test_a_crop_is_a_part_of_the_upright_picture_in_srgb(sandbox: Sandbox, tmp_path: Path) -> None:
    paths = [
        oriented(tmp_path / "turned.png", 6),
        oriented(tmp_path / "mirrored.webp", 5, lossless=True),
        write(rgba(), tmp_path / "alpha.png"),
        write(image().convert("CMYK"), tmp_path / "cmyk.jpg"),
        write(image(), tmp_path / "drawn.bmp"),
    ]
    for path in paths:
        info = sandbox.probe(path)
        whole = sandbox.decode(path, info)
        for box in ((3, 5, 20, 21), (0, 0, 1, 1), (info.width - 9, info.height - 4, info.width, info.height)):
            x0, y0, x1, y1 = box
            part = sandbox.crop(path, info, box)
            assert np.array_equal(part.pixels, whole.pixels[y0:y1, x0:x1])
            expected = None if whole.alpha is None else whole.alpha[y0:y1, x0:x1]
            if part.alpha is None:
                assert expected is None or expected.min() == 255
            else:
                assert expected is not None
                assert np.array_equal(part.alpha, expected)


def test_a_crop_has_the_working_images_colours(sandbox: Sandbox, tmp_path: Path) -> None:
    swapped = display_p3_like().replace(b"rXYZ", b"-XYZ").replace(b"bXYZ", b"rXYZ").replace(b"-XYZ", b"bXYZ")
    path = write(image(), tmp_path / "swapped.png", icc_profile=swapped)
    info = sandbox.probe(path)
    part = sandbox.crop(path, info, (4, 2, 30, 20))
    assert part.icc is None
    assert np.array_equal(part.pixels, sandbox.working_image(path, info)[2:20, 4:30])
    assert not np.array_equal(part.pixels, sandbox.decode(path, info).pixels[2:20, 4:30])


def test_coded_errors_cross_with_their_numbers(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"no image")
    with pytest.raises(NotAnImage):
        sandbox.probe(path)
    path.write_bytes(png_header(20_000, 20_000) + b"\0\0\0\0IDAT" + b"\0\0\0\0IEND")
    with pytest.raises(TooManyPixels) as caught:
        sandbox.probe(path)
    assert caught.value.extra == {"limit": 100_000_000}
    whole = write(image(), tmp_path / "whole.jpg").read_bytes()
    path.write_bytes(whole)
    info = sandbox.probe(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Truncated):
        sandbox.decode(path, info)


def test_a_file_that_is_no_longer_the_one_that_was_probed(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write(image(), tmp_path / "upload.png")
    info = sandbox.probe(path)
    write(image(scene(90, 90)), path)
    with pytest.raises(Damaged):
        sandbox.decode(path, info)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_dies_at_work_is_a_coded_error_and_the_next_file_works(
    number: signal.Signals, tmp_path: Path
) -> None:
    path = write(image(), tmp_path / "fine.png")
    others = children()
    with Sandbox(size=1) as pool:
        pool.start()
        (child,) = children() - others
        child.suspend()  # so that it is surely killed at work
        failure: list[BaseException] = []
        asking = threading.Thread(target=lambda: failure.append(_failure(pool, path)))
        asking.start()
        time.sleep(0.1)
        os.kill(child.pid, number)
        with contextlib.suppress(psutil.NoSuchProcess):  # SIGKILL does not wait for it
            child.resume()
        asking.join()
        assert isinstance(failure[0], DecoderCrashed)
        assert failure[0].extra == {"signal": number}
        assert pool.probe(path).width == 60


def _failure(pool: Sandbox, path: Path) -> BaseException:
    try:
        pool.probe(path)
    except DecoderCrashed as error:
        return error
    raise AssertionError("the child answered")


def test_a_child_that_died_idle_is_replaced_unnoticed(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    others = children()
    with Sandbox(size=1) as pool:
        pool.start()
        (child,) = children() - others
        child.kill()
        while child.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert pool.probe(path).width == 60


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    with Sandbox(size=1, limits=Limits(wall_per_cpu=0.0)) as pool:
        with pytest.raises(DecodeLimit):
            pool.probe(path)
        pool._limits = Limits()
        assert pool.probe(path).width == 60


def test_a_file_that_burns_its_cpu_time_is_refused(tmp_path: Path) -> None:
    path = write(image(scene(3000, 3000)), tmp_path / "large.png", compress_level=1)
    info = probe(path)
    limits = Limits(cpu_s=-1.0, cpu_s_per_megapixel=0.0)  # none is left
    with Sandbox(size=1, limits=limits) as pool, pytest.raises(DecodeLimit):
        for _ in range(50):
            pool.decode(path, info)


def test_a_file_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    path = write(image(scene(2000, 2000)), tmp_path / "large.bmp")
    info = probe(path)
    with Sandbox(size=1, limits=Limits(memory=8 << 20, memory_per_pixel=0)) as pool:
        with pytest.raises(DecodeLimit):
            pool.decode(path, info)
        pool._limits = Limits()
        assert pool.decode(path, info).width == 2000


def test_children_are_replaced_after_so_many_files(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    with Sandbox(size=1, recycle_after=2) as pool:
        seen = []
        for _ in range(5):
            pool.probe(path)
            seen.append(frozenset(children()))
        assert len(set(seen)) >= 3


def test_a_child_knows_no_secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "secret")
    path = write(image(), tmp_path / "fine.png")
    others = children()
    with Sandbox(size=1) as pool:
        pool.probe(path)
        environments = [child.environ() for child in children() - others]
    assert environments
    assert not any("SUPABASE_SERVICE_ROLE_KEY" in environment for environment in environments)


async def test_many_at_once_from_asyncio(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write(rgba(), tmp_path / "alpha.png")
    info = sandbox.probe(path)
    pictures = await asyncio.gather(*(asyncio.to_thread(sandbox.decode, path, info) for _ in range(20)))
    assert all(np.array_equal(picture.pixels, pictures[0].pixels) for picture in pictures)


def test_the_pixels_outlive_the_pool_and_may_be_written_to(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    with Sandbox(size=1) as pool:
        picture = pool.decode(path, pool.probe(path))
    picture.pixels[0, 0] = 7
    assert picture.pixels[0, 0].tolist() == [7, 7, 7]
    assert np.array_equal(picture.pixels[1:], scene()[1:])


def test_an_answer_that_no_honest_child_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    info = probe(path)
    with Sandbox(size=1) as pool:
        lies: list[dict[str, object]] = [
            {},
            {"error": "no_such_code", "message": "", "extra": {}},
            {"info": {"format": "exe"}},
            {"info": to_wire(replace(info, width=10**9))},
        ]
        for lie in lies:
            monkeypatch.setattr(module._Child, "ask", lambda *_, lie=lie: lie)
            with pytest.raises(DecoderCrashed):
                pool.probe(path)


def test_no_child_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "fine.png")
    script = """
        import sys, time
        from pathlib import Path
        from psutil import Process
        from app.imaging.sandbox import probe
        probe(Path(sys.argv[1]))
        print(*(child.pid for child in Process().children()), flush=True)
        time.sleep(60)
    """
    root = Path(module.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    assert pids
    gone, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10
    )
    assert not alive, gone
