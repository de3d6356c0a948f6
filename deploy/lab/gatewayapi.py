"""A stand-in for GatewayAPI: the classic `/rest/mtsms`, the current `/mobile/single` and `/rest/me` (DOMAIN §5).

Receipts go to the classic request's `callback_url`, signed, first a transient one and then a final one.
"""

from typing import Any, ClassVar

from httpd import Reply, Request, data
from known import SECRETS
from smsgate import SmsGate, Text

_RECIPIENTS_AT_ONCE = 10_000


class GatewayApi(SmsGate):
    """Classic: Basic with the token as user. Current: `Authorization: Token …`."""

    via: ClassVar = "gatewayapi"

    def addresses(self) -> dict[str, str]:
        """The base of all paths."""
        return {"gatewayapi": self.web.url}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        match request.method, request.path:
            case "POST", "/rest/mtsms":
                return self._classic(request)
            case "POST", "/mobile/single":
                return self._current(request)
            case "GET", "/rest/me":
                if not self._classic_known(request):
                    return _fault(401, "0x0103", "Unauthorized")
                return data({"id": 1, "currency": "DKK", "credit": 0.0 if self.how == "no-credit" else 1000.0})
            case _:
                return Reply(404)

    def _classic_known(self, request: Request) -> bool:
        return self.how != "credentials" and request.basic() == (SECRETS["gatewayapi_token"], "")

    def _classic(self, request: Request) -> Reply:
        if not self._classic_known(request):
            return _fault(401, "0x0103", "Unauthorized")
        if self.how == "error-200":
            return _fault(200, "0x0213", "The message was not accepted")
        if self.how == "no-credit":
            return _fault(403, "0x0216", "Insufficient credit")
        texts = _texts(request.json())
        if not texts:
            return _fault(422, "0x0213", "Invalid message")
        ids = [self.take(text) for text in texts]
        usage = {"countries": {"DK": len(ids)}, "currency": "DKK", "total_cost": 0.12 * len(ids)}
        return data({"ids": ids, "usage": usage})

    def _current(self, request: Request) -> Reply:
        if self.how == "credentials" or request.headers.get("authorization") != f"Token {SECRETS['gatewayapi_token']}":
            return data({"detail": "Invalid token"}, 403)
        if self.how == "error-200":
            return data({"detail": "The message was not accepted"})
        if self.how == "no-credit":
            return data({"detail": "Insufficient credit"}, 403)
        sent = request.json()
        whole = isinstance(sent, dict) and isinstance(sent.get("recipient"), int) and sent.get("message")
        if not whole:
            return data({"detail": [{"loc": ["body"], "msg": "invalid message"}]}, 422)
        reference = str(sent.get("reference", ""))
        key = self.take(Text(str(sent["recipient"]), str(sent["message"]), str(sent.get("sender", "")), "", reference))
        return data({"msg_id": f"{key:026d}", "recipient": sent["recipient"], "reference": reference}, 202)

    def receipt(self, text: Text, key: int, reached: bool) -> None:
        """POST ENROUTE, then DELIVERED or UNDELIVERABLE."""
        body: dict[str, Any] = {
            "id": key,
            "msisdn": int(text.to),
            "time": int(self.street.now().timestamp()),
            "status": "DELIVERED" if reached else "UNDELIVERABLE",
            "userref": text.reference,
        }
        if not reached:
            body |= {"error": "Unknown subscriber", "code": "0x104A"}
        self.street.receipts.post(text.reply_to, body | {"status": "ENROUTE"}, SECRETS["gatewayapi_jwt_secret"])
        self.street.receipts.post(text.reply_to, body, SECRETS["gatewayapi_jwt_secret"])


def _fault(status: int, code: str, message: str) -> Reply:
    return data({"code": code, "incident_uuid": "00000000-0000-0000-0000-000000000000", "message": message}, status)


def _texts(sent: Any) -> list[Text]:
    """The texts of a classic request, one per recipient; empty when it is not one."""
    if not isinstance(sent, dict) or not sent.get("message") or not isinstance(sent.get("recipients"), list):
        return []
    numbers = [str(one.get("msisdn", "")) if isinstance(one, dict) else "" for one in sent["recipients"]]
    if len(numbers) > _RECIPIENTS_AT_ONCE or not all(number.isascii() and number.isdigit() for number in numbers):
        return []
    rest = (str(sent.get("sender", "")), str(sent.get("callback_url", "")), str(sent.get("userref", "")))
    return [Text(number, str(sent["message"]), *rest) for number in numbers]
