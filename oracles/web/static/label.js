import { ask, byId, draw, make, newRequest, pause, Refusal, tellOnLeaving, trouble } from "./common.js";

const SKIP = -2;
const AHEAD = 5; // rows leased and preloaded: enough for the fastest, and few are kept from others
const READABLE = 320; // pixels of the screen that a small image is enlarged to
const FEW = 12; // classes that fit without searching
const MANY_UNSENT = 20; // then the page waits for the server rather than run ahead of it

let guide = null;
let me = null;
let queue = []; // what is shown, then what comes next, preloaded
let unsent = []; // answers that the server has not acknowledged, oldest first; they outlive a reload
let sending = false;
let fetching = false;
let undoing = false;
let began = 0;
let uncovered = false; // whether the guess of the row at hand was shown
let zoom = 1;
let left = 0; // rows of the query that nobody has answered
const acknowledged = new Map(); // row -> when: an older list of rows may still hold it
let mood = "thinking";
let held = null; // until when the rows in the queue are kept for us, by the server's clock

const outbox = () => `activeloop:${guide.key}:unsent`;
const keep = () => localStorage.setItem(outbox(), JSON.stringify(unsent));
const same = (a, b) => a.ticket === b.ticket && a.row === b.row;
const named = (item) => `${item.ticket}/${item.row}`;

async function start() {
  for (;;) {
    try { guide = await ask("/api/guide"); break; } catch (error) {
      if (error instanceof Refusal) { trouble(error.message); return; }
      trouble(`The server does not answer; trying again. ${error.message}`);
      await pause(1000);
    }
  }
  trouble("");
  document.title = `${guide.title} – activeloop`;
  byId("title").textContent = guide.title;
  byId("guess").hidden = !guide.offers_guess;
  unsent = JSON.parse(localStorage.getItem(outbox()) || "[]");
  drawClasses("");
  byId("search").hidden = guide.classes.length <= FEW;
  me = sessionStorage.getItem(`activeloop:${guide.key}:me`) || localStorage.getItem(`activeloop:${guide.key}:me`);
  if (!me && guide.annotator) setName(guide.annotator);
  if (!me) await askName(); else setName(me);
  send();
  await refill();
  watch();
}

function setName(name) {
  me = name;
  localStorage.setItem(`activeloop:${guide.key}:me`, name);
  sessionStorage.setItem(`activeloop:${guide.key}:me`, name);
  byId("who").textContent = name;
}

function askName() {
  const dialog = byId("name");
  byId("name-input").value = me || "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => {
    const name = byId("name-input").value.trim().replace(/\s+/g, " ");
    if (name) setName(name);
    if (!me) return void askName().then(done);
    done();
  }, { once: true }));
}

async function changeName() {
  const before = me;
  await askName();
  if (me !== before) { queue = []; show(); await refill(); }
}

// Rows to come. Those answered here and not yet acknowledged are left out.
async function refill() {
  if (fetching || !me) return;
  fetching = true;
  try {
    const since = performance.now();
    const { rows, state } = await ask("/api/next", { annotator: me, n: AHEAD });
    const wanted = rows.filter((row) => !unsent.some((answer) => same(answer, row)) && !(acknowledged.get(named(row)) >= since));
    const first = queue[0];
    const kept = wanted.map((row) => queue.find((item) => same(item, row)) || preloaded(row));
    queue = first && !kept.some((item) => same(item, first)) && mood === "asking" ? [first, ...kept] : moveFirst(kept, first);
    tell(state);
    if (queue[0] !== first || !first) show();
  } catch (error) { failed(error); } finally { fetching = false; veil(); }
}

const moveFirst = (items, first) => first ? [...items.filter((item) => same(item, first)), ...items.filter((item) => !same(item, first))] : items;

function preloaded(row) {
  if (!row.image) return row;
  const picture = new Image();
  picture.alt = row.caption;
  picture.draggable = false;
  picture.src = row.image;
  picture.decode().catch(() => {}); // decoded before it is shown; where that fails the browser says so in its place
  return { ...row, picture };
}

function show() {
  const item = queue[0];
  uncovered = false;
  began = performance.now();
  byId("item").replaceChildren(...(item ? [draw(item, item.picture)] : []));
  byId("caption").textContent = item ? item.caption : "";
  byId("guess").textContent = "";
  byId("guess").append(make("kbd", {}, "."), " guess");
  byId("guess").disabled = !item || item.guess === undefined;
  fit();
  document.body.dataset.row = item ? named(item) : "";
  veil();
}

function veil() {
  const what = {
    asking: fetching || sending ? "…" : left ? "Nothing left for you just now: others are answering the rest."
      : "All answered. The model trains in a moment; Backspace still takes your last answer back.",
    thinking: "The model trains on your answers and chooses what to ask next …",
    done: "Done: the budget is spent. Thank you.",
    paused: "The rounds asked for are over. Thank you.",
    failed: "The loop stopped with an error; your answers are safe.",
  }[mood];
  byId("veil").hidden = queue.length > 0;
  byId("veil").dataset.mood = mood;
  byId("veil-text").textContent = [what, byId("veil").dataset.what].filter(Boolean).join(" ");
}

// Small images by whole numbers, so that pixels stay square, and no larger than is easily read; large ones to the room.
function fit() {
  const item = queue[0];
  const picture = byId("item").querySelector("img");
  if (!picture) return;
  const stage = byId("stage");
  const room = Math.min(stage.clientWidth / item.width, stage.clientHeight / item.height, Math.max(1, READABLE / Math.max(item.width, item.height)));
  const scale = (room > 2 ? Math.floor(room) : room) * zoom;
  picture.style.width = `${Math.max(1, Math.round(item.width * scale))}px`;
  picture.style.height = `${Math.max(1, Math.round(item.height * scale))}px`;
}

function setZoom(value) { zoom = Math.min(8, Math.max(0.25, value)); fit(); }

function answer(label) {
  const item = queue[0];
  if (!item || undoing || unsent.length >= MANY_UNSENT) return;
  const seconds = Math.round(performance.now() - began) / 1000;
  unsent.push({
    ticket: item.ticket, row: item.row, label, annotator: me, request: newRequest(), seconds,
    shown: uncovered ? item.guess : null,
  });
  keep();
  queue.shift();
  show();
  flash(label);
  send();
}

function flash(label) {
  for (const button of byId("classes").querySelectorAll("button")) button.classList.toggle("last", Number(button.dataset.label) === label);
}

// One at a time, in order, until each is acknowledged: the server knows a request that it has seen.
async function send() {
  if (sending) return;
  sending = true;
  let wait = 300;
  while (unsent.length) {
    try {
      const { state } = await ask("/api/answer", unsent[0]);
      acknowledged.set(named(unsent.shift()), performance.now());
      keep();
      trouble("");
      tell(state);
      wait = 300;
    } catch (error) {
      if (error instanceof Refusal) {
        unsent.shift();
        keep();
        notice(error.message);
      } else {
        trouble(`${unsent.length} answers are not saved yet; trying again. ${error.message}`);
        await pause(wait);
        wait = Math.min(2 * wait, 5000);
      }
    }
  }
  sending = false;
  if (queue.length < AHEAD / 2) await refill();
}

async function undo() {
  if (undoing) return;
  undoing = true;
  const request = newRequest();
  try {
    while (sending) await pause(20);
    for (;;) {
      try {
        const { row, state } = await ask("/api/undo", { annotator: me, request });
        acknowledged.delete(named(row));
        queue = [preloaded(row), ...queue.filter((item) => !same(item, row))];
        tell(state);
        show();
        break;
      } catch (error) {
        if (error instanceof Refusal) { notice(error.message); break; }
        failed(error);
        await pause(1000);
      }
    }
  } finally { undoing = false; }
}

function notice(message) {
  trouble(message);
  setTimeout(() => trouble(""), 4000);
}

function failed(error) {
  trouble(error instanceof Refusal ? error.message : `The server does not answer; trying again. ${error.message}`);
}

function tell(state) {
  mood = state.mood;
  left = state.left;
  if (state.held !== null) held = state.held;
  byId("veil").dataset.what = state.what;
  const done = state.rows - state.left;
  byId("bar").style.width = state.rows ? `${(100 * done) / state.rows}%` : "0";
  const rate = state.rate >= 1 ? `, ${Math.round(state.rate)} a minute` : "";
  const here = state.rows ? `${done} of ${state.rows} in this query · ` : "";
  byId("counts").textContent = `${here}${state.told} of ${state.budget} labels told · you ${state.mine}${rate}`;
  document.body.dataset.mood = mood;
  document.body.dataset.mine = state.mine;
  veil();
}

// While there is nothing to show, look again soon; otherwise now and then, for the counts and to keep the rows leased.
async function watch() {
  for (;;) {
    await pause(queue.length ? 10000 : 700);
    if (undoing || sending) continue;
    if (queue.length) { if (document.visibilityState === "visible" && performance.now() - began < 120000) await refill(); }
    else await refill();
    if (!byId("trouble").hidden && !unsent.length && !fetching) trouble("");
  }
}

function drawClasses(words) {
  const sought = words.trim().toLowerCase();
  const found = guide.classes.map((each, label) => ({ ...each, label })).filter(({ name }) => name.toLowerCase().includes(sought));
  found.sort((a, b) => rank(a.name, sought) - rank(b.name, sought) || a.label - b.label);
  byId("classes").replaceChildren(...found.map(({ name, key, label }, at) => {
    const pressed = !sought ? (key !== name.toLowerCase() && key) : at === 0 && "Enter"; // keys are letters of the search now
    return make("button", { "data-label": label, title: name, onclick: () => { answer(label); clearSearch(); } },
      pressed ? make("kbd", {}, pressed) : null, make("span", {}, name));
  }));
  byId("classes").classList.toggle("found", Boolean(sought));
  byId("classes").classList.toggle("many", guide.classes.length > FEW);
  byId("classes").classList.toggle("short", guide.classes.every(({ name }) => name.length <= 3));
  return found;
}

const rank = (name, sought) => !sought ? 0 : name.toLowerCase() === sought ? 0 : name.toLowerCase().startsWith(sought) ? 1 : 2;

function clearSearch() {
  byId("search").value = "";
  byId("search").blur();
  drawClasses("");
}

function uncover() {
  const item = queue[0];
  if (!item || item.guess === undefined) return;
  uncovered = true;
  byId("guess").replaceChildren(make("kbd", {}, "."), ` the model thinks: ${guide.classes[item.guess].name}`);
}

async function openGuide() {
  try { guide = await ask("/api/guide"); } catch (error) { failed(error); return; }
  byId("guide-classes").replaceChildren(...guide.classes.map(({ name, key, examples }) => make(
    "section", {}, make("h3", {}, key && key !== name.toLowerCase() ? make("kbd", {}, key) : null, name),
    examples.length ? make("div", { class: "examples" }, ...examples.map((item) => draw(item)))
      : make("p", { class: "quiet" }, "none labelled yet"),
  )));
  byId("guide").showModal();
}

const TOOLS = {
  Backspace: undo, " ": () => answer(SKIP), "?": () => answer(null), ".": uncover, ",": openGuide,
  "+": () => setZoom(zoom * 1.5), "=": () => setZoom(zoom * 1.5), "-": () => setZoom(zoom / 1.5),
};

document.addEventListener("keydown", (event) => {
  if (!guide || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === byId("search")) {
    if (event.key === "Enter") {
      const [first] = drawClasses(event.target.value);
      if (first && event.target.value.trim()) answer(first.label);
      clearSearch();
    } else if (event.key === "Escape") clearSearch();
    return;
  }
  if (event.key === "/") { event.preventDefault(); byId("search").hidden = false; byId("search").focus(); return; }
  if (event.repeat) return; // a key held down is one answer
  const label = guide.classes.findIndex(({ key }) => key && key === event.key.toLowerCase());
  if (label >= 0) { event.preventDefault(); answer(label); } else if (TOOLS[event.key]) { event.preventDefault(); TOOLS[event.key](); }
});
byId("search").addEventListener("input", (event) => drawClasses(event.target.value));
byId("undo").addEventListener("click", undo);
byId("skip").addEventListener("click", () => answer(SKIP));
byId("unsure").addEventListener("click", () => answer(null));
byId("guess").addEventListener("click", uncover);
byId("larger").addEventListener("click", () => setZoom(zoom * 1.5));
byId("smaller").addEventListener("click", () => setZoom(zoom / 1.5));
byId("help").addEventListener("click", openGuide);
byId("who").addEventListener("click", changeName);
for (const button of document.querySelectorAll("nav button, header button")) button.addEventListener("click", () => button.blur());
window.addEventListener("resize", fit);
window.addEventListener("pagehide", () => { // others need not wait for who has left; who only reloads has them again
  if (me && held !== null) tellOnLeaving("/api/release", { annotator: me, until: held });
});
window.addEventListener("pageshow", (event) => { if (event.persisted) refill(); });
start();
