"""What libraries may write to the log: their errors, and nothing that strangers could fill it with."""

import subprocess
import sys


def written(*lines: str) -> str:
    code = "import logging; from monitor import logs; logs.configure('json'); " + "; ".join(lines)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr


def test_a_request_that_is_none_is_no_line_of_the_log_and_a_fault_is() -> None:
    assert written("logging.getLogger('uvicorn.error').warning('Invalid HTTP request received.')") == ""
    assert "it fell" in written("logging.getLogger('uvicorn.error').error('it fell')")


def test_addresses_with_secrets_in_them_are_not_written() -> None:
    assert written("logging.getLogger('httpx').info('GET http://gateway.example/?password=hemmelig')") == ""
