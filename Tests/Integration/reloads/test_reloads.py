"""Many workers, reloads and restarts of the KMS under traffic: nothing grows, neither in NGINX nor at the KMS."""

import os
import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

import pytest
from kms import KMS
from nginx import Nginx
from processes import free_port, open_files, resident_kib, wait_until
from tls_client import Traffic, both_versions, handshakes
from web_server import ec_by_label, recipe, rsa_by_label

WORKERS = 24
# The order of what happens; traffic between, and for three times as long after the last one.
EVENTS = ["reload", "restart", "reload", "restart", "reload", "restart", "reload"]
SOAK_SECONDS = float(os.environ.get("RELOAD_SECONDS", "600"))
# After which kmsd forgets an app's session that is not used (kmsd(8)), in seconds.
SESSION_IDLE = 600
# What a process may use more after a warm-up: allocators keep a little of what was freed. KiB.
WORKER_GROWTH = 1024
MASTER_GROWTH = 2048


@pytest.fixture(scope="module")
def observed_kms(binaries, authority, tmp_path_factory):
    """A KMS with its metrics on a port of their own, so that looking at them makes no session."""
    kms = KMS(binaries, tmp_path_factory.mktemp("observed") / "kms")
    kms.metrics_port = free_port()
    kms.arguments = ["--metrics-listen", f"127.0.0.1:{kms.metrics_port}"]
    kms.initialize()
    kms.start()
    try:
        kms.populate(authority)
        yield kms
    finally:
        kms.stop()


@pytest.fixture
def nginx(binaries, observed_kms, tmp_path):
    server = recipe(binaries, observed_kms, tmp_path)
    server.worker_count = WORKERS
    # Each worker has a queue of its own, so that all of them get their share of the visitors.
    server.listen_options = " reuseport"
    server.configure(rsa=rsa_by_label(observed_kms), ec=ec_by_label(observed_kms))
    server.start()
    yield server
    server.stop()


def sessions(kms) -> int:
    """Those that are alive at the KMS, the administrator's included."""
    with urllib.request.urlopen(f"http://127.0.0.1:{kms.metrics_port}/metrics", timeout=60) as answer:
        return int(re.search(r"^kmsd_sessions (\d+)", answer.read().decode(), re.MULTILINE)[1])


@dataclass
class Usage:
    """What the processes of an NGINX hold: descriptors by kind, and memory in KiB."""

    files: dict[int, Counter]
    memory: dict[int, int]

    @classmethod
    def of(cls, pids: list[int]) -> "Usage":
        return cls({pid: Counter(open_files(pid)) for pid in pids}, {pid: resident_kib(pid) for pid in pids})

    @property
    def most_files(self) -> Counter:
        return max(self.files.values(), key=Counter.total)

    @property
    def most_memory(self) -> int:
        return max(self.memory.values())


def calm(pids: list[int]) -> Usage | None:
    """When nothing changes any more: a worker closes its side of a connection a moment after the visitor has left."""
    before, after = Usage.of(pids), Usage.of(pids)
    return after if before.files == after.files else None


@dataclass
class Story:
    """What was seen: of the master after each reload, of each generation of workers when it was warm and at its end."""

    masters: list[Usage] = field(default_factory=list)
    warm: list[Usage] = field(default_factory=list)
    ends: list[Usage] = field(default_factory=list)
    sessions: list[int] = field(default_factory=list)
    # When the KMS was away: from the beginning of its stop to the end of its start, monotonic seconds.
    outages: list[tuple[float, float]] = field(default_factory=list)

    def look(self, nginx: Nginx, kms: KMS, traffic: Traffic, into: list[Usage]):
        with traffic.held():
            into.append(wait_until(lambda: calm(nginx.workers()), "the end of the last visits"))
        self.sessions.append(sessions(kms))


def warm_up(nginx: Nginx, contexts):
    """Until each worker of this generation has had visitors of either kind."""
    handshakes(12 * WORKERS, nginx.port, contexts, threads=4)


def wait_for_old_workers(nginx: Nginx):
    wait_until(lambda: len(nginx.workers()) == WORKERS, f"the old workers' end\n{nginx.error_log()[-3000:]}")


def tell(nginx: Nginx, kms: KMS, contexts, seconds: float) -> tuple[Story, Traffic]:
    story = Story()
    step = seconds / (len(EVENTS) + 3)
    warm_up(nginx, contexts)
    with Traffic(nginx.port, contexts, threads=4, pause=0.15) as traffic:
        story.look(nginx, kms, traffic, story.warm)
        begin = time.monotonic()
        for number, event in enumerate(EVENTS, start=1):
            time.sleep(max(0, begin + number * step - time.monotonic()))
            if event == "reload":
                story.look(nginx, kms, traffic, story.ends)
                nginx.reload()
                wait_for_old_workers(nginx)
                story.masters.append(Usage.of([nginx.master()]))
                warm_up(nginx, contexts)
                story.look(nginx, kms, traffic, story.warm)
            else:
                away = time.monotonic()
                kms.stop()
                kms.start()
                story.outages.append((away, time.monotonic()))
        time.sleep(max(0, begin + seconds - time.monotonic()))
        story.look(nginx, kms, traffic, story.ends)
    return story, traffic


def assert_nobody_was_refused(story: Story, traffic: Traffic, nginx: Nginx):
    """A visitor may only be turned away while the KMS is not there at all."""

    def is_excused(one):
        return any(one.began < back and one.ended > away for away, back in story.outages)

    unexplained = [one.error for one in traffic.failures() if not is_excused(one)]
    assert unexplained == [], nginx.error_log()[-3000:]


def assert_nothing_grew(story: Story):
    # With the first reload NGINX keeps what it needs for a second generation.
    first, last = story.masters[1], story.masters[-1]
    assert last.most_files == first.most_files, "descriptors of the master"
    assert last.most_memory - first.most_memory < MASTER_GROWTH, "memory of the master"
    for warm, end in zip(story.warm, story.ends, strict=True):
        assert warm.memory.keys() == end.memory.keys(), "workers of the same generation"
        for pid, before in warm.memory.items():
            assert end.memory[pid] - before < WORKER_GROWTH, f"memory of worker {pid}"
        # One connection to the KMS, however often the KMS was away.
        assert end.most_files == warm.most_files, "descriptors of a worker"
    assert story.ends[-1].most_files == story.warm[2].most_files, "descriptors of a later worker"
    # One of each worker, and one of the master each time it reads the configuration, since the KMS last started.
    assert max(story.sessions) <= 2 * (WORKERS + 1) + 2, story.sessions


def report(story: Story, traffic: Traffic):
    print(
        f"\n{len(traffic.visits)} handshakes, {len(traffic.failures())} failed while the KMS was restarted\n"
        f"master: {[one.most_files.total() for one in story.masters]} descriptors, "
        f"{[one.most_memory for one in story.masters]} KiB after each reload\n"
        f"workers: {[one.most_files.total() for one in story.warm]} → "
        f"{[one.most_files.total() for one in story.ends]} descriptors, "
        f"{[one.most_memory for one in story.warm]} → {[one.most_memory for one in story.ends]} KiB at most\n"
        f"most growth of one worker: {most_growth(story)} KiB; sessions at the KMS: {story.sessions}"
    )


def most_growth(story: Story) -> int:
    return max(
        end.memory[pid] - before
        for warm, end in zip(story.warm, story.ends, strict=True)
        for pid, before in warm.memory.items()
        if pid in end.memory
    )


def run(nginx: Nginx, kms: KMS, authority, seconds: float):
    story, traffic = tell(nginx, kms, both_versions(authority.certificate), seconds)
    report(story, traffic)
    assert_nobody_was_refused(story, traffic, nginx)
    assert_nothing_grew(story)


def test_reloads_and_restarts_leave_nothing_behind(nginx, observed_kms, authority):
    run(nginx, observed_kms, authority, seconds=5)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS + SESSION_IDLE + 600)
def test_for_ten_minutes(nginx, observed_kms, authority):
    run(nginx, observed_kms, authority, SOAK_SECONDS)
    nginx.stop()
    # Nobody is left who uses a session: all but the administrator's end in their own time.
    began = time.monotonic()
    wait_until(lambda: sessions(observed_kms) <= 1, "the sessions' end", timeout=SESSION_IDLE + 30, interval=5)
    print(f"the last session of a worker ended {time.monotonic() - began:.0f} s after NGINX")
