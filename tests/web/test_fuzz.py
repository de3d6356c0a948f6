"""Whatever is asked of the API, it answers as its own OpenAPI says, and the engine is none the worse.

Every operation the service names is asked, as it is meant and as it is not, with its token, none, and a wrong one.
"""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from monitor.engine.registry import Entry
from tests.support.fleet_story import FLEET, NAME
from tests.web.setting import NIGHT, TOKEN, Server, plan_with_cards, serving, setting

DEVICE = "enhed-1"


class Running:
    """A site with an open incident on a port of its own, in a thread with a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = threading.Event()
        self.server: Server | None = None
        self.open_after: list[str] = []
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        plan = replace(plan_with_cards(), fleets={NAME: FLEET})
        async with setting(self.folder, NIGHT, plan) as s:
            fleets = s.story.engine.fleets
            await fleets.open(s.story.store.fleets)
            await fleets.registry.put(NAME, [Entry(DEVICE, "990001", {"operator": "X"}, critical=False)])
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


@pytest.mark.parametrize("token", [TOKEN, "", "en-anden"], ids=["known", "none", "wrong"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["meant", "not meant"])
def test_the_api_keeps_its_word(schema: schemathesis.BaseSchema, mode: GenerationMode, token: str) -> None:
    tried = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        changes = operation.method.upper() != "GET"
        # Reads take no token, and what takes nothing cannot be asked wrongly.
        if (token != TOKEN and not changes) or (mode is GenerationMode.NEGATIVE and not _takes_anything(operation)):
            continue
        tried.add(f"{operation.method.upper()} {operation.path}")
        _keeps_it(operation, mode, token)
    assert len(tried) >= 10, tried


def _takes_anything(operation: Any) -> bool:
    return bool(list(operation.path_parameters) or list(operation.query) or list(operation.body))


def _keeps_it(operation: Any, mode: GenerationMode, token: str) -> None:
    """So many calls of one operation are each answered as its own OpenAPI says."""

    @settings(
        max_examples=20 if token == TOKEN else 5, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps_it(case: schemathesis.Case[Any]) -> None:
        changes = case.method.upper() != "GET"
        _at_something_real(case)
        answer = case.call(headers={"Authorization": f"Bearer {token}".strip()} if token else None)
        # The token is put in here and the names may be: what was left out of either was not left out.
        case.validate_response(answer, excluded_checks=[negative_data_rejection, positive_data_acceptance])
        assert answer.status_code < 500
        assert token == TOKEN or not changes or answer.status_code >= 400

    keeps_it()


def _at_something_real(case: schemathesis.Case[Any]) -> None:
    """Half of what is made up names what nobody knows; the other half the incident that is open, and the fleet."""
    for name, real in (("number", "26-0001"), ("name", NAME), ("fleet", NAME), ("device", DEVICE)):
        if name in case.path_parameters and len(str(case.path_parameters[name])) % 2:
            case.path_parameters[name] = real
