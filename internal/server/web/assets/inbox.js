// Keys in a list of events: j and k move, x ticks, d acknowledges what is ticked (or where one is), o opens. All of it works without this
// script, by the form around the list.
"use strict";

const rows = Array.from(document.querySelectorAll("ol.events > li"));
const links = rows.map((row) => row.querySelector(".what a"));
let at = -1;

function move(by) {
  at = Math.min(rows.length - 1, Math.max(0, at + by));
  links[at].focus();
}

links.forEach((link, i) => link.addEventListener("focus", () => {
  at = i;
  rows.forEach((row, j) => row.classList.toggle("here", j === i));
}));

function act(verb) {
  const form = document.querySelector("form.inbox");
  if (!form) return;
  const ticked = form.querySelector("input[name=event]:checked");
  if (!ticked) {
    if (at < 0) return;
    rows[at].querySelector("input[name=event]").checked = true;
  }
  const button = form.querySelector(`button[name=verb][value=${verb}]`);
  if (button) form.requestSubmit(button);
}

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || rows.length === 0) return;
  if (e.target.closest("input:not([type=checkbox]), select, textarea")) return;
  if (e.key === "j") move(1);
  else if (e.key === "k") move(-1);
  else if (e.key === "x" && at >= 0) {
    const box = rows[at].querySelector("input[name=event]");
    if (box) box.checked = !box.checked;
  } else if (e.key === "o" && at >= 0) location.href = links[at].href;
  else if (e.key === "d") act("ack");
  else return;
  e.preventDefault();
});
