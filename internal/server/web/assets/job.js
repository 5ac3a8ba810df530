// Live job page: follows the job's server-sent events, appends its output, and shows each change of state. Without this script the page
// shows what was there when it was loaded.
"use strict";

const log = document.querySelector("pre.log[data-events]");
if (log) {
  const status = document.querySelector("[data-status]");
  const note = document.querySelector("[data-note]");
  const pinned = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  let first = true;
  const source = new EventSource(log.dataset.events);
  source.addEventListener("log", (e) => {
    const chunk = JSON.parse(e.data);
    if (first) { log.textContent = ""; first = false; }
    const bottom = pinned();
    const span = document.createElement("span");
    if (chunk.stream === "stderr") span.className = "stderr";
    span.textContent = chunk.text;
    log.append(span);
    if (bottom) log.scrollTop = log.scrollHeight;
  });
  source.addEventListener("status", (e) => {
    const job = JSON.parse(e.data);
    if (status) status.textContent = job.status;
    if (!note) return;
    const parts = [];
    if (job.queue_position) parts.push("place " + job.queue_position + " in the queue");
    if (job.phase) parts.push(job.phase);
    note.textContent = parts.join(", ") + (job.blocked ? ": " + job.blocked : "");
  });
  source.addEventListener("refused", () => { source.close(); location.reload(); });
  source.addEventListener("end", () => { source.close(); location.reload(); });
}
