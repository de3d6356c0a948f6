"""The TLS contexts probes use, made once for each way of trusting.

Trust is on unless a check says otherwise, and a replaced CA file counts from the next probe on.
"""

import ssl
from functools import lru_cache
from pathlib import Path


def context_for(ca_file: str = "", verify: bool = True) -> ssl.SSLContext:
    """The context that trusts the system's authorities, or only those in `ca_file` (PEM).

    Raises OSError when the file cannot be read, ssl.SSLError when it holds no certificate.
    """
    return _made(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0, verify)


@lru_cache(maxsize=64)
def _made(ca_file: str, _changed: int, verify: bool) -> ssl.SSLContext:
    """Reading the system's authorities costs tens of milliseconds, a hundred times what a probe may."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
