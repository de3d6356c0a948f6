"""A real Dovecot on loopback over a Maildir of the test's, ended by its process id; the machine's mail is untouched.

It separates its parts by users, which takes root.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.sip_process import free_port, program, running

USER, PASSWORD = "vagt", "post-der-er-hemmelig-æ"
_CONF = """
protocols = imap
listen = 127.0.0.1
base_dir = {run}/base
state_dir = {run}/state
log_path = {run}/dovecot.log
default_internal_user = dovecot
default_login_user = dovenull
ssl = yes
ssl_cert = <{run}/both.pem
ssl_key = <{run}/both.pem
disable_plaintext_auth = {secure}
auth_mechanisms = plain login
mail_location = maildir:{maildir}
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={home}
}}
service imap-login {{
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
"""


def available() -> bool:
    """Whether Dovecot is here and may be run."""
    return os.geteuid() == 0 and Path(program("dovecot")).exists()


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server: its ports, the certificate to trust, and the Maildir it serves."""

    plain: int
    tls: int
    trust: Path
    maildir: Path
    owner: tuple[int, int]

    def lay(self, name: str, mail: bytes) -> None:
        """A mail is delivered."""
        draft = self.maildir / "tmp" / name
        draft.write_bytes(mail)
        os.chown(draft, *self.owner)
        draft.rename(self.maildir / "new" / name)

    def seen(self) -> list[str]:
        """The mails that are marked as seen."""
        return sorted(path.name.partition(":")[0] for path in (self.maildir / "cur").iterdir() if "S" in path.name[-4:])


def _made(run: Path, trust: Path, secure: str) -> Dovecot:
    """The server's folder with everything it needs."""
    who = pwd.getpwnam("mail")
    home = run / "home"
    here = Dovecot(free_port(), free_port(), trust, home / "Maildir", (who.pw_uid, who.pw_gid))
    for part in ("new", "cur", "tmp"):
        (here.maildir / part).mkdir(parents=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, *here.owner)
    run.chmod(0o755)
    authority = trustme.CA()
    given = authority.issue_cert("localhost")
    given.private_key_and_cert_chain_pem.write_to_path(str(run / "both.pem"))
    authority.cert_pem.write_to_path(str(trust))
    known = {"run": run, "home": home, "maildir": here.maildir, "owner": who.pw_uid, "group": who.pw_gid}
    ports = {"plain": here.plain, "tls": here.tls}
    config = _CONF.format(**known, **ports, secure=secure, password=PASSWORD)
    (run / "dovecot.conf").write_text(config, encoding="utf-8")
    return here


@contextlib.asynccontextmanager
async def dovecot(folder: Path, *, secure: bool = True) -> AsyncIterator[Dovecot]:
    """A server that is ready; unless `secure` it takes passwords in clear."""
    # Unix sockets have short names: the test's own folder may be too deep.
    run = Path(tempfile.mkdtemp(prefix="dc-"))
    here = _made(run, folder / "imap-ca.pem", "yes" if secure else "no")
    command = [program("dovecot"), "-F", "-c", str(run / "dovecot.conf")]
    try:
        async with running(command, run, lambda: _greets(here.plain)):
            yield here
    finally:
        shutil.rmtree(run, ignore_errors=True)


async def _greets(port: int) -> bool:
    with contextlib.suppress(OSError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return (await reader.readline()).startswith(b"* OK")
            finally:
                writer.close()
    return False
