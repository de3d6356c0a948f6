"""SMS by CPSMS (`/v2/send`).

The body decides, not the status: an error can come with HTTP 200, and only a named success is accepted.
"""

from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, model_validator

from monitor.channels.answer import Answer, by_status, excerpt, lacking
from monitor.channels.look import Account, account, without_secret
from monitor.channels.number import Sender, digits, forms, is_number, receipt_token, reference
from monitor.channels.provider import Address, Provider
from monitor.core.gsm import transliterate
from monitor.plan.settings import SecretName
from monitor.ports import ChannelContext, Health, Message, SecretMissing, SendOutcome, Sent

_LONGEST_REFERENCE = 32


class Settings(Account):
    """A CPSMS account."""

    via: Literal["cpsms"] = "cpsms"
    url: Address = "https://api.cpsms.dk"
    user: Annotated[str, Field(min_length=1, max_length=100)]
    key: SecretName = "cpsms_key"
    sender: Sender = "Omsorgsvagt"
    flash: bool = False
    dlr_url: Address | None = None
    """Where CPSMS tells of receipts: our `/api/v1/sms/<route>/receipt`, as the world reaches it."""
    receipt_token: SecretName = "cpsms_receipt_token"  # noqa: S105 - the name it is looked up by
    """What each receipt's address is signed with; only we need to know it."""

    @model_validator(mode="after")
    def _told(self) -> "Settings":
        if self.receipts and not self.dlr_url:
            raise ValueError("receipts: yes needs dlr_url; write https://<our address>/api/v1/sms/<route>/receipt")
        return self


class Channel:
    """One route by CPSMS."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._secret = context.secret
        self._provider = Provider(settings.url + "/v2/send", settings)

    async def send(self, message: Message) -> Sent:
        """Send one text. CPSMS gives no id, so the receipt's key is our reference."""
        if not is_number(message.to):
            return Sent(SendOutcome.REJECTED, "ikke et telefonnummer")
        try:
            key = self._secret(self._settings.key)
        except SecretMissing as missing:
            return lacking(missing)
        answer = await self._provider.post(auth=self._auth(key), document=self._text(message))
        if isinstance(answer, Sent):
            return answer
        return _judge(answer, reference(message.key, _LONGEST_REFERENCE), (key, *forms(message.to)))

    async def health(self) -> Health:
        """The account's credit."""
        try:
            key = self._secret(self._settings.key)
        except SecretMissing as missing:
            return without_secret(missing)
        answer = await self._provider.get(self._settings.url + "/v2/creditvalue", auth=self._auth(key))
        return account(answer, self._settings, key)

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()

    def _auth(self, key: str) -> httpx.BasicAuth:
        return httpx.BasicAuth(self._settings.user, key)

    def _text(self, message: Message) -> dict[str, Any]:
        text: dict[str, Any] = {
            "to": digits(message.to),
            "message": transliterate(message.text),
            "from": digits(self._settings.sender),
            "reference": reference(message.key, _LONGEST_REFERENCE),
            "flash": int(self._settings.flash),
        }
        if self._settings.dlr_url:
            text["dlr_url"] = self._receipt_url(self._settings.dlr_url, text["reference"])
        return text

    def _receipt_url(self, base: str, ident: str) -> str:
        """One parameter alone: CPSMS puts `status` and `receiver` behind it, and does not keep an `&` of ours whole."""
        if not self._settings.receipts:
            return base
        try:
            token = receipt_token(self._secret(self._settings.receipt_token), self._settings.name, ident)
        except SecretMissing:
            # The text goes out all the same; that its receipts are not taken is said where they come in.
            return base
        return f"{base}?ref={ident}.{token}"


def _judge(answer: Answer, key: str, hidden: tuple[str, ...]) -> Sent:
    found = answer.document()
    if not found.get("error") and 200 <= answer.status < 300:
        if _innermost(found.get("success")):
            return Sent(SendOutcome.ACCEPTED, str(answer.status), key)
        return Sent(SendOutcome.UNKNOWN, f"{answer.status} uden kvittering")
    error = _innermost(found.get("error"))
    code = _code(error.get("code"))
    said = excerpt(f"{code or answer.status} {error.get('message', '')}", *hidden)
    if answer.status >= 300:
        return Sent(by_status(answer.status), said)
    return Sent(by_status(code) if code >= 300 else SendOutcome.TEMPORARY, said)


def _innermost(value: object) -> dict[str, Any]:
    """The first object in lists within lists, which is how CPSMS answers for one recipient; else an empty one."""
    depth = 0
    while isinstance(value, list) and value and depth < 3:
        value, depth = value[0], depth + 1
    return value if isinstance(value, dict) else {}


def _code(value: object) -> int:
    """A three-digit code; 0 when it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0
