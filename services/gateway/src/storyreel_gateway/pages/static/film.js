// The film page, live: frame-exact player, and regions fetched anew when facts arrive. The server renders; this only swaps.
"use strict";
const film = document.querySelector(".film");
const fps = Number(film.dataset.fps);
let video = film.querySelector("video");

function live(name, text, root = film) {
  for (const node of root.querySelectorAll(`[data-live="${name}"]`)) if (node.textContent !== text) node.textContent = text;
}

// --- player ---
function frameOf(seconds) { return Math.floor(seconds * fps + 0.001); }
function showTime() {
  if (!video) return;
  const frame = frameOf(video.currentTime), two = (n) => String(n).padStart(2, "0");
  live("timecode", `${two(Math.floor(frame / fps / 60))}:${two(Math.floor(frame / fps) % 60)}:${two(frame % fps)} · frame ${frame}`);
  const head = film.querySelector(".marks .head"), x = 1000 * video.currentTime / (video.duration || 1);
  if (head) { head.setAttribute("x1", x); head.setAttribute("x2", x); }
  const play = film.querySelector("[data-play]");
  if (play) play.textContent = video.paused ? "Play" : "Pause";
}
function step(frames) { video.pause(); video.currentTime = Math.max(0, (frameOf(video.currentTime) + frames + 0.5) / fps); }
function wirePlayer() {
  video = film.querySelector("video");
  for (const node of film.querySelectorAll(".needs-script")) node.hidden = false;
  if (!video) return;
  for (const name of ["timeupdate", "seeked", "play", "pause", "loadedmetadata"]) video.addEventListener(name, showTime);
  showTime();
}
film.addEventListener("click", (event) => {
  const target = event.target.closest("[data-step],[data-play],[data-seek]");
  if (!target || !video) return;
  if (target.dataset.seek !== undefined) { event.preventDefault(); video.currentTime = Number(target.dataset.seek) + 0.5 / fps; video.scrollIntoView({ block: "nearest" }); }
  else if (target.dataset.step) step(Number(target.dataset.step));
  else if (video.paused) video.play(); else video.pause();
});
document.addEventListener("keydown", (event) => {
  if (!video || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,textarea,button,summary,video,a")) return;
  const actions = { ",": () => step(-1), ".": () => step(1), " ": () => (video.paused ? video.play() : video.pause()) };
  if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
});

// --- live regions ---
function swap(old, fresh) {
  if (old.contains(document.activeElement) || old.querySelector("details[open]")) return; // nobody's typing or reading is taken away
  const scrolled = old.querySelector(".log")?.scrollTop ?? 0;
  old.replaceWith(fresh);
  const log = fresh.querySelector(".log");
  if (log) log.scrollTop = scrolled;
}
function mergeShots(old, fresh) {
  if (old.children.length !== fresh.children.length) return swap(old, fresh);
  [...fresh.children].forEach((card, i) => { if (card.outerHTML !== old.children[i].outerHTML) swap(old.children[i], card); });
}
async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  localTimes(page);
  document.title = page.title;
  const there = new Set();
  for (const fresh of page.querySelectorAll("[data-region]")) {
    there.add(fresh.dataset.region);
    const name = fresh.dataset.region, old = film.querySelector(`[data-region="${name}"]`);
    if (!old) { film.querySelector(".side").append(fresh); continue; }
    if (name === "shots") mergeShots(old, fresh);
    else if (name === "player") { if (old.dataset.source !== fresh.dataset.source && (!video || video.paused)) { old.replaceWith(fresh); wirePlayer(); } }
    else if (old.innerHTML !== fresh.innerHTML) swap(old, fresh);
  }
  for (const old of film.querySelectorAll("[data-region]")) if (!there.has(old.dataset.region)) old.remove();
}
let due = 0;
function refreshSoon() { if (!due) due = setTimeout(() => { due = 0; refresh(); }, 400); }

function progressed(data) {
  const card = film.querySelector(`[data-shot="${CSS.escape(data.shot_id)}"]`);
  if (!card || !data.shot) return;
  card.querySelector(".steps").value = Math.round(data.shot.progress * 100);
  card.querySelector(".steps").classList.remove("done");
  live("step", `step ${data.shot.step} of ${data.shot.steps}`, card);
  live("take", `${data.shot.tier}, take ${data.shot.attempt}`, card);
  if (!card.querySelector('[data-live="step"]')) refreshSoon(); // the first step of a take: the card changes its shape once
}
const FACTS = ["film.requested", "film.edit-requested", "film.approved", "film.cancelled", "review.decided", "brief.rejected", "brief.cleared", "brief.blocked",
  "plan.cleared", "plan.blocked", "shot.cleared", "shot.blocked", "film.cleared", "film.blocked", "review.requested", "film.planned", "cut.requested",
  "shot.downgraded", "film.failed", "shot.rendered", "shot.render-failed", "shot.matched", "shot.drifted", "film.assembled", "film.assembly-failed", "film.published"];
function listen() {
  const source = new EventSource(`/v1/films/${film.dataset.film}/events?last_event_id=${film.dataset.last}`);
  source.addEventListener("shot.progressed.v1", (event) => progressed(JSON.parse(event.data)));
  for (const fact of FACTS) source.addEventListener(`${fact}.v1`, (event) => { live("detail", JSON.parse(event.data).film.detail); refreshSoon(); });
  source.addEventListener("snapshot", refreshSoon);
}
wirePlayer();
if (film.dataset.terminal !== "1") listen();
