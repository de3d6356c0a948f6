// Keeps a page fresh: fetches it again and puts the living part in place. When that fails twice in a row, or nothing
// has come for four turns (a sleeping machine), the page says so, loudly; it never shows old news as new.
"use strict";
(() => {
  const root = document.documentElement;
  const every = 1000 * Number(root.dataset.every);
  const zone = root.dataset.zone;
  const stale = document.getElementById("stale");
  let last = Date.now();
  let failed = 0;
  // The clock shown is the service's, not the machine's the page stands on.
  let ahead = 0;

  const listen = () => {
    const made = document.querySelector("#live time[datetime]");
    if (made) ahead = Date.parse(made.getAttribute("datetime")) - Date.now();
  };

  const edition = (page) => page.querySelector("link[rel=stylesheet]").getAttribute("href");

  const isLost = () => failed > 1 || Date.now() - last > 4 * every;

  const show = () => {
    const lost = isLost();
    if (stale && stale.hidden === lost) {
      stale.hidden = !lost;
      root.classList.toggle("is-stale", lost);
    }
  };

  const tick = () => {
    const now = new Date(Date.now() + ahead);
    for (const clock of document.querySelectorAll("[data-clock]")) {
      clock.textContent = now.toLocaleTimeString("da-DK", { hour: "2-digit", minute: "2-digit", timeZone: zone })
        .replace(".", ":");
    }
    show();
  };

  const replace = (fresh) => {
    const old = document.getElementById("live");
    const open = [...old.querySelectorAll("details[open]")].map((one) => one.id);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    for (const id of open) {
      const again = fresh.querySelector("#" + CSS.escape(id));
      if (again) again.open = true;
    }
    const said = old.dataset.say;
    old.replaceWith(document.adoptNode(fresh));
    if (href) {
      const again = fresh.querySelector(`a[href="${CSS.escape(href)}"]`);
      if (again) again.focus({ preventScroll: true });
    }
    if (fresh.dataset.say !== said) document.getElementById("say").textContent = fresh.dataset.say;
  };

  const refresh = async () => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live");
      if (!fresh) throw new Error("no page");
      // A new edition of the service: its style and script may differ from those this page was made with.
      if (edition(page) !== edition(document)) {
        location.reload();
        return;
      }
      replace(fresh);
      document.title = page.title;
      for (const made of document.querySelectorAll("[data-made]")) {
        made.textContent = page.querySelector("[data-made]").textContent;
      }
      listen();
      last = Date.now();
      failed = 0;
    } catch {
      failed += 1;
    }
    tick();
  };

  const turn = async () => {
    await refresh();
    setTimeout(turn, every);
  };

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
  });
  if (document.getElementById("live")) {
    listen();
    setInterval(tick, 1000);
    setTimeout(turn, every);
  }
})();
