"""Signed links for answering by mail: made here, read here.

A link names an incident, a person and how far the answering has come; whoever holds it may answer once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from monitor.core.plan import PersonId
from monitor.core.records import IncidentId

LASTS = timedelta(hours=24)
LONGEST = 512
PATH = "/a/"


class Forged(ValueError):
    """The link was not made here, or has been changed on the way."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `generation` is the incident's when it was made, `turn` how often its holder has answered."""

    incident: IncidentId
    person: PersonId
    generation: int
    ends: datetime
    turn: int = 0

    @property
    def key(self) -> str:
        """The timeline key of its use: a link whose key stands there has been used."""
        return f"{self.incident}/{self.generation}/link/{self.person}/{self.turn}"


@dataclass(frozen=True, slots=True)
class Asking:
    """What answering needs: the key that codes and links are made with, and the address people reach us at.

    Without a `url` (such as `https://vagt.kommune.example`) mails carry no links.
    """

    key: bytes = field(repr=False)
    url: str = ""

    def token(self, link: Link) -> str:
        """The link's last part."""
        said = [link.incident, link.person, link.generation, int(link.ends.timestamp()), link.turn]
        return str(self._signer().dumps(said))

    def address(self, link: Link) -> str:
        """The whole link; empty without an address of ours."""
        return f"{self.url.rstrip('/')}{PATH}{self.token(link)}" if self.url else ""

    def read(self, token: str) -> Link:
        """What a token says, whether or not its time is up. Raises Forged."""
        if len(token) > LONGEST:
            raise Forged("too long")
        try:
            incident, person, generation, ends, turn = self._signer().loads(token)
            at = datetime.fromtimestamp(ends, UTC)
        except (BadData, TypeError, ValueError, OverflowError) as error:
            raise Forged(type(error).__name__) from error
        return Link(IncidentId(incident), PersonId(person), generation, at, turn)

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="omsorgsvagt.answer")
