"""What machines ask for: metrics, health, and the headers everything carries."""

import asyncio
import gc
import gzip
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.clock import Clock
from monitor.core.state import State
from monitor.metrics import CONTENT_TYPE, CheckSample, Metrics, Snapshot
from monitor.web.scrape import takes_gzip
from monitor.web.site import Health
from tests.web.setting import calling, setting

ROOT = Path(__file__).parents[2]
_PATHS = [
    "/",
    "/tavle",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/openapi.json",
    "/static/style.css",
]


async def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        s.site.metrics.incidents.labels("noedkald", "down").inc()

        answer = await s.client.get("/metrics")

        assert answer.headers["content-type"] == CONTENT_TYPE
        families = {one.name: one for one in text_string_to_metric_families(answer.text)}
        assert [x.value for x in families["omsorgsvagt_incidents"].samples if x.name.endswith("_total")] == [1.0]


async def test_metrics_are_packed_only_for_who_can_unpack_them(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        async with s.client.stream("GET", "/metrics", headers={"accept-encoding": "gzip;q=0.5, br"}) as packed:
            raw = b"".join([part async for part in packed.aiter_raw()])
        plain = await s.client.get("/metrics", headers={"accept-encoding": "identity"})

        assert packed.headers["content-encoding"] == "gzip"
        assert b"omsorgsvagt_build_info" in gzip.decompress(raw)
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.2", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("GZIP ; Q=0.000", False),
        ("x-gzip", False),
    ],
)
def test_packing_follows_the_header(accepted: str, packed: bool) -> None:
    assert takes_gzip(accepted) is packed


def _many(count: int) -> Metrics:
    """Metrics over as many checks as the biggest plan has."""
    metrics = Metrics("many")
    phases = {"resolve": 0.001, "connect": 0.002, "tls": 0.01, "processing": 0.05, "transfer": 0.001, "total": 0.064}
    checks = [
        CheckSample(f"c{i}", f"s{i % 50}", "http", State.UP, 1.0, phases, {"ok": 10, "fail": 1}) for i in range(count)
    ]
    metrics.watch(lambda: Snapshot(Clock().now(), checks))
    return metrics


async def test_the_loop_turns_while_five_thousand_checks_are_scraped(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        turns = 0

        async def turning() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        async with calling(replace(s.site, metrics=_many(5000))) as c:
            task = asyncio.create_task(turning())
            answer = await c.get("/metrics")
            task.cancel()

        assert answer.text.count("omsorgsvagt_check_state{") == 5000 * len(State)
        assert gc.isenabled()
        # On the loop it would have turned once or twice; in a thread it shares the interpreter with the exposition.
        assert turns > 5


async def test_a_scrape_that_met_a_change_is_made_again(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        tries = 0

        def grows_at_first() -> Snapshot:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise RuntimeError("dictionary changed size during iteration")
            return Snapshot(Clock().now())

        s.site.metrics.watch(grows_at_first)
        answer = await s.client.get("/metrics")

        assert (answer.status_code, tries) == (200, 3)


async def test_too_many_scrapes_at_once_are_refused_and_not_piled_up(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        answers = await asyncio.gather(*(s.client.get("/metrics") for _ in range(30)))

        assert {answer.status_code for answer in answers} == {200, 503}
        assert (await s.client.get("/metrics")).status_code == 200


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    code = "import monitor.web.app, sys; print(*{'fastapi', 'starlette', 'markdown_it', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "\n"


async def test_healthz_is_well_only_while_every_loop_turns(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        well = await s.client.get("/healthz")
        s.body.health = Health(ok=False, reasons=("probe", "deliver_sms"))
        stuck = await s.client.get("/healthz")

        assert (well.status_code, well.text) == (200, "ok\n")
        assert (stuck.status_code, stuck.text) == (503, "probe\ndeliver_sms\n")


async def test_readyz_says_what_is_still_awaited(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        s.body.ready = Health(ok=False, reasons=("første målinger",))
        waiting = await s.client.get("/readyz")
        s.body.ready = Health(ok=True)
        ready = await s.client.get("/readyz")

        assert (waiting.status_code, waiting.text) == (503, "første målinger\n")
        assert (ready.status_code, ready.text) == (200, "klar\n")


@pytest.mark.parametrize("path", [*_PATHS, "/findes-ikke", "/api/v1/findes-ikke", "/incidents/99-9999"])
async def test_every_answer_keeps_other_pages_out(tmp_path: Path, path: str) -> None:
    async with setting(tmp_path) as s:
        headers = (await s.client.get(path)).headers

        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert f"frame-ancestors {'*' if path == '/tavle' else chr(39) + 'none' + chr(39)}" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert headers["cache-control"] == (
            "no-store" if "static" not in path else "public, max-age=31536000, immutable"
        )


@pytest.mark.parametrize("path", _PATHS)
async def test_head_answers_as_get_without_the_body(tmp_path: Path, path: str) -> None:
    async with setting(tmp_path) as s:
        get = await s.client.get(path, headers={"accept-encoding": "identity"})
        head = await s.client.head(path, headers={"accept-encoding": "identity"})

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
        assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/cards/noedkald", "/static/style.css", "/findes-ikke"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods_are_told_which_there_are(tmp_path: Path, path: str, method: str) -> None:
    async with setting(tmp_path) as s:
        answer = await s.client.request(method, path)

        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/",
        "/static/style.css/",
        "/cards/../../etc/passwd",
        "/cards/%00",
        "/cards/" + "x" * 5000,
        "/incidents/",
        "/incidents/26-0001/",
        "/incidents/%3Cscript%3E",
        "/tavle/",
        "/æøå",
    ],
)
async def test_what_is_no_page_is_not_found(tmp_path: Path, path: str) -> None:
    async with setting(tmp_path) as s:
        answer = await s.client.get(path)

        assert answer.status_code == 404
        assert "<script>" not in answer.text
        assert "passwd" not in answer.text


async def test_a_page_that_falls_says_so_and_not_why(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:

        def fall() -> Health:
            raise RuntimeError("hemmelig grund")

        async with calling(replace(s.site, health=fall)) as client:
            for path in ("/", "/healthz", "/api/v1/status"):
                answer = await client.get(path)

                assert answer.status_code == 500
                assert "hemmelig" not in answer.text
                assert "x-content-type-options" in answer.headers
