"""Several notices for one person by one way go as one message.

Context: three hundred outages at once would be three hundred texts to each phone. Choice: a bundle is a notice of its
own, rendered and committed before it is sent; what it holds stays queued behind it and shares its fate in the same
transaction. Price: a bundle that no longer holds true in part is taken apart, and the rest goes anew.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.core.bundles import LEAST, key_of, kind_of, said_as, waits_until
from monitor.core.delivery import must_wait_for, overtaken, perhaps_sent
from monitor.core.plan import ChannelName
from monitor.core.reasons import Kind
from monitor.core.records import Attempt, Batch, Notice, NoticeId, NoticeState
from monitor.engine.asking import ask_of_all
from monitor.engine.bundle_text import Part, bundle_text, worst_first
from monitor.engine.desk import Desk
from monitor.engine.ledger import before

MayGo = Callable[[Notice, datetime], bool]


class Bundles:
    """One channel's bundles. `may_go` says whether a notice might be tried at an instant, were it alone."""

    def __init__(self, desk: Desk, channel: ChannelName, may_go: MayGo) -> None:
        self.desk = desk
        self.channel = channel
        self.may_go = may_go

    async def gather(self) -> None:
        """Put together what may go now: decided and committed before any of it is sent."""
        if not self._groups(self.desk.clock.now()):
            return
        async with self.desk.journal.turn:
            now, batch = self.desk.clock.now(), Batch()
            for group in self._groups(now):
                with self.desk.isolated(f"bundle/{group[0].person}/{group[0].kind}"):
                    batch.add(*self._rows(group, now))
                # A long mail to each of many is no reason to keep a text waiting that is on its way.
                await asyncio.sleep(0)
            await self.desk.journal.commit(batch)

    def _groups(self, now: datetime) -> list[list[Notice]]:
        """The companies that are large enough once those who may not go yet are left out."""
        found = (
            [one for one in group if self._may_join(one, now)]
            for group in list(self.desk.ledger.together.groups(self.channel, LEAST))
            if self._ripe(group, now)
        )
        return [group for group in found if len(group) >= LEAST]

    def _ripe(self, group: Sequence[Notice], now: datetime) -> bool:
        return any(self.company_until(one, now) <= now for one in group)

    def company_until(self, notice: Notice, now: datetime) -> datetime:
        """Until when a notice waits for others to go with; `now` when it does not."""
        heard_of = self.desk.ledger.heard_of.get(notice.person, ())
        known = (self.desk.ledger.incidents.get(ident) for ident in heard_of) if notice.kind is Kind.REMINDER else ()
        return waits_until(notice, sum(one is not None and one.active for one in known), now)

    def _may_join(self, notice: Notice, now: datetime) -> bool:
        ledger = self.desk.ledger
        incident = ledger.incidents.get(notice.incident) if notice.incident else None
        if incident is None or not self.holds(notice):
            return False
        return self.may_go(notice, now) and not must_wait_for(notice, ledger.unsent.get(before(notice), {}).values())

    def _rows(self, group: Sequence[Notice], now: datetime) -> list[Notice]:
        """The bundle, and its members as they are from now on."""
        desk = self.desk
        known = ((one, desk.ledger.incidents.get(one.incident)) for one in group if one.incident)
        parts = worst_first(desk, [Part(one, incident) for one, incident in known if incident is not None])
        first, ident = parts[0].notice, NoticeId(desk.clock.new_id())
        kind = said_as(first.kind)
        code, reply = ask_of_all(desk, ident, [part.notice for part in parts])
        text = bundle_text(desk, parts, reply, now)
        bundle = Notice(
            id=ident,
            key=key_of(kind, ident),
            incident=None,
            kind=Kind.BUNDLE,
            person=first.person,
            channel=first.channel,
            to=first.to,
            text=text.body,
            subject=text.subject,
            created=now,
            reason=kind.value,
            thread=ident,
            independent_first=first.independent_first,
            code=code,
        )
        return [bundle, *(replace(part.notice, bundle=ident) for part in parts)]

    def outdated(self, bundle: Notice, attempts: Iterable[Attempt]) -> bool:
        """Whether an unsent bundle must not go as it is: part of what it says holds no longer.

        One that may have arrived is repeated as it was, but for an all-clear, which nobody may believe wrongly.
        """
        gone = any(map(perhaps_sent, attempts)) and kind_of(bundle) is not Kind.ALL_CLEAR
        return not gone and not all(map(self.holds, self.desk.ledger.members_of(bundle)))

    def holds(self, notice: Notice) -> bool:
        """Whether a notice that is no bundle still says something true."""
        incident = self.desk.ledger.incidents.get(notice.incident) if notice.incident else None
        return not overtaken(notice, incident)

    def reminded_enough(self, notice: Notice) -> bool:
        """Whether its reader has been reminded by this channel as often as the plan allows within the hour."""
        known = self.desk.ledger.together.reminders(notice.person, self.channel, self.desk.clock.now())
        return known >= self.desk.plan.rules.reminders_per_hour

    def taken_apart(self, bundle: Notice, now: datetime) -> Batch:
        """The rows that end a bundle and let its members go on by themselves, or in another."""
        ended = replace(bundle, state=NoticeState.FAILED, settled=now, reason=f"{bundle.reason}/taken_apart")
        return Batch([*(replace(one, bundle=None) for one in self.desk.ledger.members_of(bundle)), ended])
