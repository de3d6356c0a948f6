"""The devices of one fleet: who was heard when, who is late, who is silent; made for a million of them.

A device is judged by when its messages arrive, never by what they say of the time. Times are whole unix seconds.

Context: each beat moves a deadline, and a million deadlines move all day. Choice: a beat writes two cells and leaves
the wheel alone; when a device's entry comes up and it was heard meanwhile, it is filed anew. That look is also the
trial of the early sign: the beat due since the last look came, or it did not. Price: a rhythm that suddenly quickens
is judged by the old one once more.

Use: `put` every device of the registry (with its kept index), `restore` its blocks, `resume`; then `heard` or `report`
as messages come, `tick` each second (again at once while `more`), and write `take_dirty` blocks in batches.
`index[id]` finds a device by its id, `place` by its id or its cid: both are names in one space.
"""

from array import array
from collections.abc import Iterable
from typing import Final

from monitor.core.cids import Cids, refuse
from monitor.core.columns import BLOCK, GONE, LATE, LEARNING, MUTED, NEW, OK, SILENT, BadBlock
from monitor.core.deadlines import Deadlines
from monitor.core.fleet import Device, Flag, FleetRule, Said, Status, Ticked, Trials
from monitor.core.nights import nights

__all__ = ["BLOCK", "BadBlock", "Devices"]

_SHIFT: Final = BLOCK.bit_length() - 1


class Devices(Deadlines):
    """One fleet. `index` maps each id to the device's index, which stays the same until it is removed."""

    def __init__(self, rule: FleetRule) -> None:
        super().__init__(rule)
        self.index: dict[str, int] = {}
        self._floor = rule.floor
        self._cids = Cids()
        self._back = array("I")
        self._fell = array("I")

    def put(self, device: Device, index: int | None = None) -> int:
        """Add the device, or change what the registry says of it; gives its index.

        `index` places a new device where it stood before a restart. Raises ValueError when one of its names, or its
        place, belongs to another.
        """
        known = self.index.get(device.id)
        at = known if known is not None else self.top if index is None else index
        self._refuse(device, at)
        if known is None:
            self._new(device.id, at)
        else:
            self._leave(at)
        self._cids.put(at, device.cid)
        self._critical[at] = device.critical
        self._profile[at] = self.profiles.of(device.attributes)
        self._enter(at)
        self.rhythm.fix(at, device.interval or self.rule.interval)
        if self._state[at] in {OK, LEARNING}:
            self._move(at, self._alive(at))
        self.mute(at, device.muted_until)
        return at

    def _refuse(self, device: Device, at: int) -> None:
        refuse(device.cid)
        for name in (device.id, device.cid):
            if name and self.place(name) not in {None, at}:
                raise ValueError(f"{name} is the name of another device")
        if at < self.top and self.ids[at] not in {None, device.id}:
            taken = device.id in self.index
            raise ValueError(f"{device.id} is the name of another device" if taken else f"place {at} is taken")

    def _new(self, name: str, at: int) -> None:
        if at >= len(self.ids):
            more = self._grow(at + 1)
            self._wheel.grow(more)
            self._cids.grow(more)
        self.top = max(self.top, at + 1)
        self.ids[at] = name
        self.index[name] = at
        self._state[at] = NEW

    def remove(self, index: int) -> None:
        """Take a device out; nothing of it is kept. Its index stays empty until a device is put there by index."""
        name = self.ids[index]
        if name is None:
            return
        self._leave(index)
        self._flag(index, 0)
        del self.index[name]
        self._cids.put(index, "")
        self._wheel.drop(index)
        self._muted.pop(index, None)
        self.ids[index] = None
        self._empty(index)

    def cid(self, index: int) -> str:
        """The device's SCAIP identity; '' without one."""
        return self._cids.of(index)

    def by_cid(self, cid: str) -> int | None:
        """The index of the device with this SCAIP identity; None when there is none."""
        return self._cids.find(cid)

    def place(self, name: str) -> int | None:
        """The index of the device with this id, or else this SCAIP identity; None when there is none."""
        found = self.index.get(name)
        return self._cids.find(name) if found is None else found

    def _alive(self, index: int) -> int:
        return OK if self.rhythm.known(index) else LEARNING

    def mute(self, index: int, until: int) -> None:
        """Leave the device out of every judgement until then; 0 or a time gone by ends it."""
        if until > self._now:
            self._muted[index] = until
            self._move(index, MUTED)
            self._wheel.file(index, until)
        elif self._state[index] == MUTED:
            self._wake(index, self._now)
        elif self._last[index]:
            self._file(index)

    def muted_until(self, index: int) -> int:
        """Until when the device is left out; 0 when it is not."""
        return self._muted.get(index, 0)

    def heard(self, index: int, at: int) -> None:
        """A sign of life from the device, arrived at `at`."""
        if self._state[index] != OK:
            self._return(index, at)
            return
        gap = at - self._last[index]
        if gap:
            if gap >= self._floor:
                self._gap[index] = gap
            self._last[index] = at
            self._dirty[index >> _SHIFT] = 1

    def heard_all(self, indexes: Iterable[int], at: int) -> None:
        """As `heard`, for a batch that arrived together."""
        state, last, gaps, dirty, floor = self._state, self._last, self._gap, self._dirty, self._floor
        for index in indexes:
            if state[index] != OK:
                self._return(index, at)
                continue
            gap = at - last[index]
            if gap:
                if gap >= floor:
                    gaps[index] = gap
                last[index] = at
                dirty[index >> _SHIFT] = 1

    def report(
        self, index: int, at: int, said: Said | None = None, battery: int | None = None, status: Status | None = None
    ) -> None:
        """A sign of life that says something. `battery` is per cent; what is outside 0–100 is left out."""
        if self._state[index] == GONE:
            return
        self.heard(index, at)
        flags = Flag(self._flags[index])
        if status is not None:
            flags = (flags | status.sets) & ~status.clears
            said = said or status.said
        if battery is not None and 0 <= battery <= 100:
            self._battery[index] = battery
            low = battery <= self.rule.battery_low
            flags = flags | Flag.BATTERY_LOW if low else flags & ~Flag.BATTERY_LOW
        if said is Said.START:
            flags |= Flag.STARTED
        elif said is not None:
            flags &= ~(Flag.STARTED | Flag.FAILING)
            flags |= Flag.FAILING if said is Said.FAIL else Flag(0)
        if flags != self._flags[index]:
            self._flag(index, flags)
        self._dirty[index >> _SHIFT] = 1

    def _return(self, index: int, at: int) -> None:
        """Heard, from a device whose rhythm is being learnt, or that was not counted on."""
        code, last = self._state[index], self._last[index]
        if code == GONE:
            return
        self._last[index] = at
        self._grace[index] = 0
        self._dirty[index >> _SHIFT] = 1
        if code == MUTED:
            return
        if last and at - last >= self._floor and not self._nights.between(last, at):
            self.rhythm.learn(index, at - last)
        to = self._alive(index)
        if to != code:
            self._move(index, to)
        if code == SILENT:
            self._back.append(index)
        self._wheel.file(index, self._late_at(index))

    def _wake(self, index: int, now: int) -> None:
        """A muting ends: where does the device stand?"""
        self._muted.pop(index, None)
        self._wheel.drop(index)
        if not self._last[index]:
            self._move(index, NEW)
            return
        self._move(index, self._alive(index))
        if self._late_at(index) <= now:
            self._fall(index, now)
        else:
            self._file(index)

    def _fall(self, index: int, now: int) -> None:
        """Late, and at once silent where that has passed as well."""
        self._move(index, LATE)
        self._dirty[index >> _SHIFT] = 1
        due = self.deadline(index)
        if due > now:
            self._wheel.file(index, due)
        else:
            self._silence(index)

    def _silence(self, index: int) -> None:
        self._move(index, SILENT)
        self._fell.append(index)
        self._dirty[index >> _SHIFT] = 1

    def tick(self, now: int, limit: int = 50_000) -> Ticked:
        """Look at what is due, at most `limit` devices (about a second's work for 400,000)."""
        self._now = max(self._now, now)
        if now >= self._nights.until:
            self._nights = nights(self.rule.zone, now)
        due = self._wheel.due(now, limit)
        trials: dict[int, Trials] = {}
        late = 0
        for index in due:
            code = self._state[index]
            if code == OK:
                late += self._look(index, now, trials)
            elif code == LATE:
                self._silence(index)
            elif code == LEARNING:
                self._fall(index, now)
                late += 1
            elif code == MUTED:
                self._wake(index, now)
        gone, self._gone = self._gone, {}
        fell, self._fell = self._fell, array("I")
        back, self._back = self._back, array("I")
        return Ticked(trials, gone, fell, back, late, len(due) >= limit)

    def _look(self, index: int, now: int, trials: dict[int, Trials]) -> bool:
        """One beat was due: did it come? True when it did not."""
        profile = self._profile[index]
        trial = trials.get(profile)
        if trial is None:
            trial = trials[profile] = Trials()
        at = self._late_at(index)
        if at > now:
            trial.hits += 1
            self._grace[index] = 0
            gap = self._gap[index]
            if gap:
                self._gap[index] = 0
                last = self._last[index]
                if not self._nights.between(last - gap, last):
                    self.rhythm.learn(index, gap)
            self._wheel.file(index, at)
            return False
        trial.misses += 1
        due = self._last[index] + int(self.rhythm.interval[index])
        trial.first = min(trial.first or due, due)
        self._fall(index, now)
        return True
