"""Our own HTTP/1.1 client for probing: a fresh connection each time, exact phases, bounded in size.

It knows nothing of checks' settings; whoever calls bounds the time.
"""

from checks.httpwire.fetch import Answer, Call, fetch
from checks.httpwire.limits import Limits

__all__ = ["Answer", "Call", "Limits", "fetch"]
