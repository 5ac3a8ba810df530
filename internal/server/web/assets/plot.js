// Zoom on plots: drag over a range, double-click (or Escape while dragging) to leave it. Without this script the same is done with the
// "from" and "to" fields. The state lives in the URL, so that it can be shared and the back button works.
"use strict";

function valueAt(svg, clientX) {
  const box = svg.getBoundingClientRect();
  const width = svg.viewBox.baseVal.width;
  const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
  const from = Number(svg.dataset.from), to = Number(svg.dataset.to);
  const x = Math.min(right, Math.max(left, (clientX - box.left) * width / box.width));
  return { x, value: from + (x - left) / (right - left) * (to - from) };
}

function go(from, to) {
  const url = new URL(location.href);
  for (const [key, v] of [["from", from], ["to", to]]) {
    if (v === null) url.searchParams.delete(key); else url.searchParams.set(key, String(v));
  }
  location.href = url.href;
}

for (const svg of document.querySelectorAll("svg.plot[data-from]")) {
  let start = null, band = null;
  const stop = () => { start = null; if (band) { band.remove(); band = null; } };
  svg.addEventListener("pointerdown", (e) => {
    if (e.button !== 0 || e.pointerType === "touch" || e.target.closest("a")) return;
    start = valueAt(svg, e.clientX);
    svg.setPointerCapture(e.pointerId);
    e.preventDefault();
  });
  svg.addEventListener("pointermove", (e) => {
    if (!start) return;
    const now = valueAt(svg, e.clientX);
    if (!band) {
      band = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      band.setAttribute("class", "zoom");
      band.setAttribute("y", "0");
      band.setAttribute("height", String(svg.viewBox.baseVal.height));
      svg.append(band);
    }
    band.setAttribute("x", String(Math.min(start.x, now.x)));
    band.setAttribute("width", String(Math.abs(now.x - start.x)));
  });
  svg.addEventListener("pointerup", (e) => {
    if (!start) return;
    const a = start, b = valueAt(svg, e.clientX);
    stop();
    if (Math.abs(a.x - b.x) < 8) return;
    const low = Math.min(a.value, b.value), high = Math.max(a.value, b.value);
    go(Math.floor(low), Math.ceil(high));
  });
  svg.addEventListener("pointercancel", stop);
  svg.addEventListener("dblclick", () => go(null, null));
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") stop(); });
}
