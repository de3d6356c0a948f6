"""Whatever is asked of the API, it answers as its own OpenAPI says, and the engine is none the worse."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.web.setting import TOKEN, Server, serving, setting


class Running:
    """A site with an open incident on a port of its own, in a thread with a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = threading.Event()
        self.server: Server | None = None
        self.open_after: list[str] = []
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        async with setting(self.folder) as s:
            await s.all_well()
            await s.story.down("noedkald-1")
            async with serving(s.site) as self.server:
                self.started.set()
                # It is set from the other thread.
                while not self.server.should_exit:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            self.open_after = [one.number for one in s.story.engine.desk.ledger.active()]

    def stop(self) -> None:
        """End it, and see that the outage is still one."""
        assert self.server is not None
        self.server.should_exit = True
        self.thread.join(20)
        assert self.open_after == ["26-0001"]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    running = Running(tmp_path_factory.mktemp("fuzz"))
    running.thread.start()
    assert running.started.wait(20)
    assert running.server is not None
    yield schemathesis.openapi.from_url(f"{running.server.url}/api/v1/openapi.json")
    running.stop()


_AT = "/api/v1/incidents/{number}"


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["meant", "not meant"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/incidents"),
        ("GET", _AT),
        ("POST", f"{_AT}/acknowledge"),
        ("POST", f"{_AT}/note"),
        ("POST", f"{_AT}/resolve"),
        ("POST", f"{_AT}/tasks/{{task}}/done"),
    ],
)
def test_the_api_keeps_its_word(schema: schemathesis.BaseSchema, method: str, path: str, mode: GenerationMode) -> None:
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and path.endswith("/status"):
        return  # It takes nothing that could be wrong.

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps_it(case: schemathesis.Case[Any]) -> None:
        # Half of what is made up names an incident nobody knows; the other half the one that is open.
        if case.path_parameters and case.method == "POST" and len(str(case.path_parameters["number"])) % 2:
            case.path_parameters["number"] = "26-0001"
        answer = case.call(headers={"Authorization": f"Bearer {TOKEN}"})
        # The token is put in here and the number may be: what was left out of either was not left out.
        case.validate_response(answer, excluded_checks=[negative_data_rejection])
        assert answer.status_code < 500

    keeps_it()
