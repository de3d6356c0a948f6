"""Replies by SMS: what somebody wrote → what it does → what they are answered.

An answer counts only from the number that was told and with the code it was told; whatever else comes is counted,
answered a few times at most, and changes nothing. No reply's text or number is kept or logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.core import words
from monitor.core.answers import Patience, Said, Verdict, understood
from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import Kind
from monitor.core.records import Batch, Notice, NoticeId
from monitor.engine import people
from monitor.engine.asked import Whose
from monitor.engine.desk import Desk


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMS as it came: `number` in E.164, `keyword` what the route has people write first."""

    route: str
    number: str
    text: str
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of a reply: to whom the answer goes, and what it names."""

    verdict: Verdict
    person: PersonId | None = None
    shown: str = ""
    holder: str = ""
    count: int = 1


_VERDICTS = {
    people.Answer.DONE: Verdict.ACKNOWLEDGED,
    people.Answer.NOTED: Verdict.NOTED,
    people.Answer.ALREADY: Verdict.ALREADY,
}
_GREATER = {answer: rank for rank, answer in enumerate(_VERDICTS)}
"""Of what came of a bundle's incidents, the first of these is what its reader is answered."""


class Answers:
    """Takes replies in. What it remembers of a number is bounded, and lost at a restart."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._patience: dict[str, Patience] = {}

    async def take(self, reply: Reply) -> Verdict:
        """Do what the reply says, and answer it. Counts it by what came of it."""
        came = await self._judge(reply)
        self.count(reply.route, came.verdict)
        if came.person is not None:
            await self._answer(reply.number, came.person, came)
        return came.verdict

    def count(self, route: str, verdict: str) -> None:
        """One more reply; also of those that a way in refuses before anybody reads them."""
        self.desk.metrics.replies.labels(route, verdict).inc()

    async def _judge(self, reply: Reply) -> _Came:
        asked, number = self.desk.ledger.asked, reply.number
        person = asked.was_told(number)
        said = understood(reply.text, reply.keyword)
        past = asked.past(number, said.code) if said else None
        if person is None and past is None:
            return _Came(Verdict.OTHER_NUMBER)
        patience = self._of(number)
        if patience.exhausted(self.desk.clock.now()):
            return _Came(Verdict.TOO_MANY, person)
        if said is None:
            return _Came(Verdict.NOT_UNDERSTOOD, person)
        if meant := asked.codes(number).get(said.code):
            return await self._acknowledge(tuple(meant), said)
        if past is not None:
            return _Came(Verdict.CLOSED, past[1], past[0])
        patience.wrong.append(self.desk.clock.now())
        return _Came(Verdict.WRONG_CODE, person)

    async def _acknowledge(self, meant: Sequence[Whose], said: Said) -> _Came:
        """What the code means is answered together: one incident, or all those of a bundle that still go on."""
        person = meant[0][1]
        name = self._name(person)
        acts = await people.acknowledge_all(self.desk, [incident for incident, _ in meant], name, said.human)
        best = min(acts, key=lambda act: _GREATER.get(act.answer, len(_GREATER)))
        if best.incident is None:
            return _Came(Verdict.CLOSED)
        verdict = _VERDICTS.get(best.answer, Verdict.CLOSED)
        count = sum(act.answer is best.answer for act in acts)
        shown = best.incident.number if count == 1 else words.INCIDENTS.format(count=count)
        return _Came(verdict, person, shown, best.incident.acknowledged_by, count)

    async def _answer(self, number: str, person: PersonId, came: _Came) -> None:
        """The answer goes to the number the reply came from, by the outbox like everything else."""
        desk, now = self.desk, self.desk.clock.now()
        if not self._of(number).may_answer(now):
            return
        verdict = came.verdict
        if verdict in (Verdict.ACKNOWLEDGED, Verdict.ALREADY):
            mine = came.holder == self._name(person)
            verdict = Verdict.ACKNOWLEDGED if mine else Verdict.ALREADY
        texts = words.ANSWERS if came.count == 1 else words.ANSWERS | words.ANSWERS_TO_MANY
        said = texts[verdict].format(number=came.shown, who=came.holder)
        # A template that falls must not make the gateway send the reply again: what it said is done.
        with desk.isolated("answer"):
            text = desk.texts.render(Kind.ANSWER, ChannelName.SMS, {"answer": said})
            ident = NoticeId(desk.clock.new_id())
            notice = Notice(
                id=ident,
                key=f"answer/{ident}",
                incident=None,
                kind=Kind.ANSWER,
                person=person,
                channel=ChannelName.SMS,
                to=number,
                text=text.body,
                created=now,
                reason=came.verdict.value,
            )
            await desk.journal.commit(Batch([notice]))
        desk.wake_deliver()

    def _of(self, number: str) -> Patience:
        """Kept for numbers that were told of something alone, so strangers cannot fill the memory."""
        return self._patience.setdefault(number, Patience())

    def _name(self, person: PersonId) -> str:
        known = self.desk.plan.people.get(person)
        return known.name if known else person
