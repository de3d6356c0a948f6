"""What `omsorgsvagt demo` can break, and what is to be seen when it does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scene:
    """A way to break one of the lab's stand-ins; `system` is where the incident is expected."""

    stand_in: str
    how: str
    system: str
    told: str


SCENES = {
    "nexus": Scene("nexus", "home-500", "omsorgssystem", "Nexus answers, but its home page fails with 500"),
    "maintenance": Scene("nexus", "maintenance", "omsorgssystem", "Nexus answers 200, but with a maintenance page"),
    "phoniro": Scene("phoniro", "login-fails", "phoniro", "Phoniro answers 200, but nobody can log in"),
    "noedkald": Scene("sip", "silent", "noedkald", "The nødkald receiver no longer answers"),
    "operator": Scene(
        "devices", "operator", "noedkald", "One operator's SIMs die: 37 % of the nødkald units fall silent"
    ),
    "linje": Scene("line", "dead", "egen_linje", "Our own line is cut: everything fails at once"),
}
