"""Bounces piece by piece, so that a test can write them rightly or wrongly."""

import base64
import quopri

IDENT = "0193f1a2-7c4e-7d10-8000-00000000002a"
THREAD = "26-0007"


def dsn(
    action: str,
    status: str,
    *,
    ident: str = IDENT,
    named: tuple[str, ...] = ("envelope", "headers", "answered"),
    **more: str,
) -> bytes:
    """A delivery status notification (RFC 3464) as Postfix writes it, with LF.

    `named` says where our mail is named; `more` may hold `diagnostic`, `coded`, `answered` and `more` recipients.
    """
    coded = more.get("coded", "")
    answered = more.get("answered", f"<{ident}@eksempel.example>")
    report = "Reporting-MTA: dns; relay.example\n"
    report += f"Original-Envelope-Id: {ident}\n" if "envelope" in named else ""
    report += "Arrival-Date: Thu, 24 Dec 2026 21:59:30 +0000\n\nFinal-Recipient: rfc822; leder@eksempel.example\n"
    report += f"Action: {action}\n" + (f"Status: {status}\n" if status else "")
    report += f"Diagnostic-Code: {more['diagnostic']}\n" if more.get("diagnostic") else ""
    report += more.get("more", "")
    returned = f"Message-ID: <{ident}@eksempel.example>\n" if "headers" in named else "X: y\n"
    lines = [
        "Return-Path: <>",
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)",
        "To: vagt@eksempel.example",
        "Auto-Submitted: auto-replied",
        *([f"In-Reply-To: {answered}"] if "answered" in named else []),
        'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="B1/relay=.example"',
        "",
        "This is a MIME-encapsulated message.",
        "",
        "--B1/relay=.example",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "I'm sorry to have to inform you that your message could not be delivered.",
        "",
        "--B1/relay=.example",
        "Content-Type: message/delivery-status" + (f"\nContent-Transfer-Encoding: {coded}" if coded else ""),
        "",
        _coded(report, coded),
        "--B1/relay=.example",
        "Content-Type: text/rfc822-headers" + (f"\nContent-Transfer-Encoding: {coded}" if coded else ""),
        "",
        _coded(f"From: vagt@eksempel.example\n{returned}Subject: NEDE\n", coded),
        "--B1/relay=.example--",
        "",
    ]
    return "\n".join(lines).encode()


def _coded(text: str, how: str) -> str:
    if how == "base64":
        return base64.encodebytes(text.encode()).decode()
    return quopri.encodestring(text.encode()).decode() if how else text


def told(sender: str, headers: str = "", text: str | None = None) -> bytes:
    """A plain text from this sender, about a mail of ours unless told otherwise."""
    about = f"550 5.1.1 unknown user\n\n--- Below is a copy\nMessage-ID: <{IDENT}@eksempel.example>\nSubject: NEDE\n"
    return f"From: {sender}\n{headers}\n\n{about if text is None else text}".replace("\n\n\n", "\n\n").encode()
