"""A stand-in for CPSMS: `POST /v2/send` and `GET /v2/creditvalue` (DOMAIN §5).

Its errors can come with HTTP 200; receipts are a GET to `dlr_url` with status 1 (delivered) or 2 (failed).
"""

from typing import ClassVar

from httpd import Reply, Request, data
from known import SECRETS
from smsgate import SmsGate, Text

_RECIPIENTS_AT_ONCE = 10_000


class Cpsms(SmsGate):
    """Basic with user and key."""

    via: ClassVar = "cpsms"

    def addresses(self) -> dict[str, str]:
        """The base of all paths."""
        return {"cpsms": self.web.url}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.how == "credentials" or request.basic() != (SECRETS["cpsms_user"], SECRETS["cpsms_key"]):
            return _fault(401, 401, "Unauthorized")
        match request.method, request.path:
            case "POST", "/v2/send":
                return self._send(request)
            case "GET", "/v2/creditvalue":
                return data({"credit": "0,00" if self.how == "no-credit" else "9.843,40"})
            case _:
                return Reply(404)

    def _send(self, request: Request) -> Reply:
        if self.how == "error-200":
            return _fault(200, 409, "Not accepted")
        if self.how == "no-credit":
            return _fault(402, 402, "Not enough credit")
        sent = request.json()
        to = sent.get("to") if isinstance(sent, dict) else None
        numbers = [str(number) for number in (to if isinstance(to, list) else [to])]
        whole = numbers and len(numbers) <= _RECIPIENTS_AT_ONCE and all(n.isascii() and n.isdigit() for n in numbers)
        if not whole or not sent.get("message"):
            return _fault(400, 400, "Missing or wrong to or message")
        rest = (str(sent.get("from", "")), str(sent.get("dlr_url", "")), str(sent.get("reference", "")))
        for number in numbers:
            self.take(Text(number, str(sent["message"]), *rest))
        return data({"success": [{"to": number, "cost": 1, "smsAmount": 1} for number in numbers]})

    def receipt(self, text: Text, _key: int, reached: bool) -> None:
        """GET the receipt's address."""
        status = "1" if reached else "2"
        self.street.receipts.get(text.reply_to, {"status": status, "receiver": text.to})


def _fault(status: int, code: int, message: str) -> Reply:
    return data({"error": {"code": code, "message": message}}, status)
