// Renews the live region of a page every few seconds while it is looked at. Nothing else runs here.
"use strict";
(() => {
  const region = document.querySelector("[data-live-region]");
  const state = document.querySelector("[data-live-state]");
  if (!region || !state) return;
  const every = Math.max(1, Number(region.dataset.every) || 5) * 1000;
  let failures = 0;

  async function renew() {
    if (!document.hidden && !region.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, {
          headers: { "Sixfold-Fragment": "live" },
          signal: AbortSignal.timeout(10000),
          cache: "no-store",
        });
        if (!answer.ok) throw new Error(String(answer.status));
        const open = new Set([...region.querySelectorAll("details[open]")].map((one) => one.id));
        region.innerHTML = await answer.text();
        for (const one of region.querySelectorAll("details")) one.open = open.has(one.id);
        failures = 0;
        state.textContent = state.dataset.live;
        state.classList.remove("lost");
      } catch {
        failures += 1;
        state.textContent = state.dataset.lost;
        state.classList.add("lost");
      }
    }
    // slower while nobody answers, at most once a minute
    setTimeout(renew, Math.min(every * 2 ** failures, 60000));
  }
  setTimeout(renew, every);
})();
