"""SMS by GatewayAPI: the classic API (`/rest/mtsms`) and the current one (`/mobile/single`).

Accepted is an id in the answer; a success without an id is unknown, never accepted.
"""

from typing import Annotated, Any, Literal

import httpx
from pydantic import Field

from monitor.channels.answer import Answer, by_status, excerpt, lacking
from monitor.channels.look import Account, account, answers, without_secret
from monitor.channels.number import digits, forms, is_number, reference
from monitor.channels.provider import Address, Answerable, Provider
from monitor.core.gsm import transliterate
from monitor.plan.settings import Seconds, SecretName
from monitor.ports import ChannelContext, Health, Message, SecretMissing, SendOutcome, Sent

_BASE = {"classic": "https://gatewayapi.", "current": "https://messaging.gatewayapi."}
_PATH = {"classic": "/rest/mtsms", "current": "/mobile/single"}
_BY_CODE = {
    "0x0216": SendOutcome.BROKEN,  # the account is empty
    "0x0312": SendOutcome.REJECTED,  # filtered for its content: a link, most often
}


class Settings(Account, Answerable):
    """A GatewayAPI account. The token belongs to one region and one kind of API."""

    via: Literal["gatewayapi"] = "gatewayapi"
    api: Literal["classic", "current"] = "classic"
    region: Literal["com", "eu"] = "com"
    url: Address | None = None
    """The address before `/rest/mtsms` or `/mobile/single`, instead of the one that follows from `api` and `region`."""
    token: SecretName = "gatewayapi_token"  # noqa: S105 - the name it is looked up by
    priority: Literal["bulk", "normal", "urgent", "very_urgent"] = "urgent"
    """For urgent texts; the others go as normal. The current API knows normal and urgent only."""
    message_class: Annotated[Literal["standard", "premium", "secret"] | None, Field(alias="class")] = None
    validity: Seconds = 0.0
    """After this long the carrier stops trying; 0s leaves it to the provider."""
    callback_url: Address | None = None
    """Where the classic API sends receipts, unless a webhook is set up there, as it must be for the current API: our
    `/api/v1/sms/<route>/receipt`, as the world reaches it."""
    jwt_secret: SecretName = "gatewayapi_jwt_secret"  # noqa: S105 - the name it is looked up by
    """What the provider signs its calls to us with."""

    @property
    def base(self) -> str:
        """The address all paths stand below."""
        return self.url or _BASE[self.api] + self.region

    @property
    def address(self) -> str:
        """Where a text is posted to."""
        return self.base + _PATH[self.api]


class Channel:
    """One route by GatewayAPI."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._secret = context.secret
        self._classic = settings.api == "classic"
        self._provider = Provider(settings.address, settings)

    async def send(self, message: Message) -> Sent:
        """Send one text. The receipt's key is the provider's message id."""
        if not is_number(message.to):
            return Sent(SendOutcome.REJECTED, "ikke et telefonnummer")
        try:
            token = self._secret(self._settings.token)
        except SecretMissing as missing:
            return lacking(missing)
        if self._classic:
            answer = await self._provider.post(auth=httpx.BasicAuth(token, ""), document=self._classic_text(message))
        else:
            headers = {b"Authorization": b"Token " + token.encode()}
            answer = await self._provider.post(headers=headers, document=self._current_text(message))
        return answer if isinstance(answer, Sent) else self._judge(answer, (token, *forms(message.to)))

    async def health(self) -> Health:
        """The account's credit; the current API tells of none, and there we see only whether anybody answers."""
        if not self._classic:
            return answers(await self._provider.get(self._settings.base))
        try:
            token = self._secret(self._settings.token)
        except SecretMissing as missing:
            return without_secret(missing)
        answer = await self._provider.get(self._settings.base + "/rest/me", auth=httpx.BasicAuth(token, ""))
        return account(answer, self._settings, token)

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()

    def _classic_text(self, message: Message) -> dict[str, Any]:
        settings = self._settings
        text: dict[str, Any] = {
            "sender": digits(settings.sender),
            "message": transliterate(message.text),
            "recipients": [{"msisdn": int(digits(message.to))}],
            "userref": reference(message.key),
            "priority": (settings.priority if message.urgent else "normal").upper(),
        }
        if settings.message_class:
            text["class"] = settings.message_class
        if settings.validity:
            text["validity_period"] = int(settings.validity)
        if settings.callback_url:
            text["callback_url"] = settings.callback_url
        return text

    def _current_text(self, message: Message) -> dict[str, Any]:
        urgent = message.urgent and self._settings.priority in {"urgent", "very_urgent"}
        text: dict[str, Any] = {
            "sender": digits(self._settings.sender),
            "message": transliterate(message.text),
            "recipient": int(digits(message.to)),
            "reference": reference(message.key),
            "priority": "urgent" if urgent else "normal",
        }
        if self._settings.validity:
            text["expiration"] = f"PT{int(self._settings.validity)}S"
        return text

    def _judge(self, answer: Answer, hidden: tuple[str, ...]) -> Sent:
        found = answer.document()
        if 200 <= answer.status < 300:
            given = _first(found.get("ids")) if self._classic else _id(found.get("msg_id"))
            if given:
                return Sent(SendOutcome.ACCEPTED, str(answer.status), given)
            return Sent(SendOutcome.UNKNOWN, f"{answer.status} uden id")
        code = found.get("code")
        known = _BY_CODE.get(code.lower()) if isinstance(code, str) else None
        parts = (answer.status, code, found.get("message"))
        said = " ".join(str(part) for part in parts if isinstance(part, str | int))
        return Sent(known or by_status(answer.status), excerpt(said, *hidden))


def _first(ids: object) -> str:
    return _id(ids[0]) if isinstance(ids, list) and ids else ""


def _id(value: object) -> str:
    """The id as text; empty when it is none."""
    return str(value)[:64] if isinstance(value, str | int) and not isinstance(value, bool) else ""
