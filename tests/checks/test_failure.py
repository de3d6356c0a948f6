"""From what a probe raises to a named reason."""

import errno
import os
import socket
import ssl

import pytest
from structlog.testing import capture_logs

from checks.failure import miss_of, outcome_of, short
from monitor.core.fault import ProbeFault
from monitor.core.finding import OURS, Miss, Outcome, Reason
from monitor.ports import SecretMissing


def verification(code: int, message: str = "self-signed certificate") -> ssl.SSLCertVerificationError:
    exc = ssl.SSLCertVerificationError(1, "certificate verify failed")
    exc.verify_code, exc.verify_message = code, message
    return exc


def tls(reason: str) -> ssl.SSLError:
    exc = ssl.SSLError(1, reason)
    exc.reason = reason
    return exc


@pytest.mark.parametrize(
    ("exc", "reason"),
    [
        (TimeoutError(), Reason.TIMEOUT),
        (OSError(errno.ETIMEDOUT, "x"), Reason.TIMEOUT),
        (OSError(errno.EHOSTUNREACH, "x"), Reason.TIMEOUT),
        (OSError(errno.ECONNREFUSED, "x"), Reason.REFUSED),
        (OSError(errno.ECONNRESET, "x"), Reason.RESET),
        (OSError(errno.EPIPE, "x"), Reason.RESET),
        (ConnectionResetError(), Reason.RESET),
        (ConnectionAbortedError("SSL handshake is taking longer"), Reason.RESET),
        (EOFError(), Reason.RESET),
        (ssl.SSLEOFError(8, "x"), Reason.RESET),
        (OSError(errno.ENETUNREACH, "x"), Reason.NO_ROUTE),
        (OSError(errno.ENETDOWN, "x"), Reason.NO_ROUTE),
        (OSError(errno.EADDRNOTAVAIL, "x"), Reason.NO_ROUTE),
        (OSError(errno.EPERM, "x"), Reason.NO_ROUTE),
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_NODATA, "x"), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.RESOLVER),
        (socket.gaierror(socket.EAI_FAIL, "x"), Reason.RESOLVER),
        (socket.gaierror(socket.EAI_SYSTEM, "x"), Reason.RESOLVER),
        (verification(10), Reason.CERTIFICATE_EXPIRED),
        (verification(9), Reason.CERTIFICATE_UNTRUSTED),
        (verification(18), Reason.CERTIFICATE_UNTRUSTED),
        (verification(20), Reason.CERTIFICATE_UNTRUSTED),
        (verification(62), Reason.CERTIFICATE_NAME),
        (verification(64), Reason.CERTIFICATE_NAME),
        (tls("WRONG_VERSION_NUMBER"), Reason.TLS),
        (ProbeFault(Reason.REPLY, "a", "b"), Reason.REPLY),
        (SecretMissing("x"), Reason.SECRET),
        (ExceptionGroup("x", [ConnectionRefusedError(errno.ECONNREFUSED, "x")]), Reason.REFUSED),
        (OSError("Multiple exceptions: [Errno 101] x, [Errno 111] y"), Reason.REFUSED),
        (OSError("Multiple exceptions: [Errno 101] x, [Errno 99] y"), Reason.NO_ROUTE),
        (OSError(errno.EMFILE, "x"), Reason.INTERNAL),
        (OSError("something else"), Reason.INTERNAL),
        (ValueError("x"), Reason.INTERNAL),
        (RecursionError(), Reason.INTERNAL),
    ],
)
def test_reasons(exc: BaseException, reason: Reason) -> None:
    miss = miss_of(exc)

    assert miss.reason is reason
    assert miss.expected
    assert miss.seen


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_errno_has_a_reason(number: int) -> None:
    assert miss_of(OSError(number, os.strerror(number))).reason in Reason


def test_an_unforeseen_fault_is_told_once_and_without_its_text() -> None:
    with pytest.raises(ValueError, match="token") as broken:
        raise ValueError("token=hemmeligt")

    with capture_logs() as logs:
        miss = miss_of(broken.value)

    assert miss == Miss(Reason.INTERNAL, "målingen virker", "ValueError")
    assert len(logs) == 1
    assert logs[0]["error"] == "ValueError"
    assert "test_failure.py:" in logs[0]["place"]
    assert "hemmeligt" not in str(logs)


@pytest.mark.parametrize("reason", Reason)
def test_our_own_reasons_make_a_finding_unknown(reason: Reason) -> None:
    assert outcome_of(reason) is (Outcome.UNKNOWN if reason in OURS else Outcome.FAIL)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("Vedligeholdelse på æøå", "Vedligeholdelse på æøå"),
        ("a\r\n\tb", "a b"),
        ("\x1b]0;x\x07", "]0;x"),
        ("\ud800x\ufffe", "x"),
        ("x" * 81, "x" * 79 + "…"),
        ("a\u202e b\u00a0\u200b", "a b"),
        ("\x00" * 10_000 + "x", ""),
    ],
)
def test_one_printable_line(text: str, line: str) -> None:
    assert short(text) == line
