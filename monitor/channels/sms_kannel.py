"""SMS by an own Kannel gateway (smsbox `sendsms`).

Accepted is `0: Accepted for delivery` alone: the bearerbox has handed the text to a link that is up.

Context: with no link up, Kannel answers `3: Queued for later delivery` and keeps the text; it goes out when the carrier
comes back, which can be hours later. Choice: that is *not sent* (temporary), so that the next route is tried at once.
Price: a text that another route has delivered meanwhile comes again, late, once for each try made here while the link
was down. `validity` bounds this: Kannel throws a queued text away when it is older.

Context: `sendsms` takes user and password in the query of a GET, where every log and proxy on the way keeps them.
Choice: the same call as a POST with `X-Kannel-…` headers. Price: an imitation of Kannel that knows the GET only cannot
be used.
"""

import math
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field

from monitor.channels.answer import Answer, by_status, excerpt, lacking
from monitor.channels.kannel_status import status
from monitor.channels.look import answers, trouble, without_secret
from monitor.channels.number import forms, is_number, receipt_token, reference
from monitor.channels.provider import Address, Answerable, Provider
from monitor.core.gsm import transliterate
from monitor.plan.settings import LOOKUP_NAME, Seconds, SecretName
from monitor.ports import ChannelContext, Health, Message, SecretMissing, SendOutcome, Sent

_ALL_RECEIPTS = b"31"
_URGENT = b"3"
_Printable = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]


class Settings(Answerable):
    """A smsbox and the `sendsms-user` to use it as. `immediate-sendsms-reply` must be off there, as it is by itself."""

    via: Literal["kannel"] = "kannel"
    url: Address = "http://127.0.0.1:13013"
    path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/cgi-bin/sendsms"
    user: _Printable
    password: SecretName = "kannel_password"  # noqa: S105 - the name it is looked up by
    smsc: Annotated[str, Field(pattern=r"^[!-~]{0,64}$")] = ""
    """The link to use, when there are several."""
    validity: Seconds = 3600.0
    """How long a text may wait in Kannel and at the carrier, in whole minutes; 0s for as long as they like."""
    dlr_url: Annotated[str, Field(pattern=r"^(https?://[!-~]+)?$")] = ""
    """Where Kannel tells of receipts, when not us on this machine. Kannel's own escapes work (`%d` is the kind);
    `{id}` becomes our reference, `{token}` what shows that it is one of ours."""
    receipt_token: SecretName = "kannel_receipt_token"  # noqa: S105 - the name it is looked up by
    """What each receipt's address is signed with; only we need to know it."""
    reply_token: SecretName = "kannel_reply_token"  # noqa: S105 - the name it is looked up by
    """What `get-url` must carry as `token=`."""
    status_url: Address | None = None
    """Kannel's `status.txt` on its admin port (`http://127.0.0.1:13000/status.txt`): tells whether the link is up."""
    status_password: Annotated[str, Field(pattern=rf"^$|{LOOKUP_NAME}")] = ""
    """The name its `status-password` is looked up by, where it has one."""


class Channel:
    """One route by a Kannel."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._secret = context.secret
        self._here = context.here
        self._provider = Provider(settings.url + settings.path, settings)

    async def send(self, message: Message) -> Sent:
        """Send one text. Kannel gives no id, so the receipt's key is our reference, told to it in `dlr_url`."""
        if not is_number(message.to):
            return Sent(SendOutcome.REJECTED, "ikke et telefonnummer")
        try:
            password = self._secret(self._settings.password)
        except SecretMissing as missing:
            return lacking(missing)
        headers = self._headers(message, password)
        answer = await self._provider.post(headers=headers, content=transliterate(message.text).encode())
        if isinstance(answer, Sent):
            return answer
        return _judge(answer, reference(message.key), (password, *forms(message.to)))

    async def health(self) -> Health:
        """The link as Kannel's own status tells it; without `status_url`, whether smsbox answers on a path of none."""
        settings = self._settings
        if settings.status_url is None:
            return answers(await self._provider.get(settings.url))
        try:
            password = self._secret(settings.status_password) if settings.status_password else ""
        except SecretMissing as missing:
            return Health(None, without_secret(missing).said)
        asked = f"?password={quote(password, safe='')}" if password else ""
        answer = await self._provider.get(settings.status_url + asked)
        return trouble(answer) or status(answer.text if isinstance(answer, Answer) else "", settings.smsc)

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()

    def _headers(self, message: Message, password: str) -> dict[bytes, bytes]:
        settings = self._settings
        headers = {
            b"Content-Type": b"text/plain; charset=UTF-8",
            b"X-Kannel-Username": settings.user.encode(),
            b"X-Kannel-Password": password.encode(),
            b"X-Kannel-From": settings.sender.encode(),
            b"X-Kannel-To": message.to.encode(),
            b"X-Kannel-Coding": b"0",
        }
        if message.urgent:
            headers[b"X-Kannel-Priority"] = _URGENT
        if settings.smsc:
            headers[b"X-Kannel-SMSC"] = settings.smsc.encode()
        if settings.validity:
            headers[b"X-Kannel-Validity"] = b"%d" % math.ceil(settings.validity / 60)
        if told := self._receipt_url(reference(message.key)):
            headers[b"X-Kannel-DLR-Mask"] = _ALL_RECEIPTS
            headers[b"X-Kannel-DLR-URL"] = told.encode()
        return headers

    def _receipt_url(self, ident: str) -> str:
        """Where this text's receipts go; empty when nobody is to be told."""
        name, token = self._settings.name, ""
        ours = f"{self._here}/api/v1/sms/{name}/receipt?ref={{id}}.{{token}}&type=%d&said=%A"
        address = self._settings.dlr_url or (ours if self._settings.receipts and self._here else "")
        if "{token}" in address:
            try:
                token = receipt_token(self._secret(self._settings.receipt_token), name, ident)
            except SecretMissing:
                # The text goes out all the same; that its receipts are not taken is said where they come in.
                return ""
        return address.replace("{id}", ident).replace("{token}", token)


def _judge(answer: Answer, key: str, hidden: tuple[str, ...]) -> Sent:
    """What Kannel's answer means; 403 is both a wrong password and a number no link may send to."""
    text = answer.text.strip()
    said = excerpt(f"{answer.status} {text}", *hidden)
    if answer.status == 202 and text.startswith("0:"):
        return Sent(SendOutcome.ACCEPTED, said, key)
    if answer.status == 202 and text.startswith("3:"):
        return Sent(SendOutcome.TEMPORARY, said)
    if answer.status == 403 and text.startswith("Not routable"):
        return Sent(SendOutcome.REJECTED, said)
    return Sent(by_status(answer.status), said)
