import { ask, byId, draw, make, newRequest, pause, Refusal, trouble } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";
const MOODS = {
  asking: "waiting for answers", thinking: "the model trains and chooses …", done: "done", paused: "paused after the rounds asked for",
  failed: "stopped by an error",
};
let guide = null;
let drawn = ""; // what the review list was made of: it is left alone while somebody decides

async function start() {
  for (;;) {
    try {
      guide = guide || await ask("/api/guide");
      byId("title").textContent = guide.title;
      document.title = `${guide.title} – owner – activeloop`;
      look(await ask("/api/owner"));
      trouble("");
    } catch (error) {
      trouble(error instanceof Refusal ? error.message : `The server does not answer; trying again. ${error.message}`);
    }
    await pause(2000);
  }
}

function look({ story, tickets, annotators, doubts, panel }) {
  byId("mood").textContent = `${MOODS[story.mood]} ${story.what}`.trim();
  byId("mood").dataset.mood = story.mood;
  byId("curve").replaceChildren(curve(story), make("p", { class: "quiet" }, `${story.told} of ${story.budget} labels told, ${panel[0] === panel[1] ? panel[0] : panel.join(" to ")} annotator${panel[1] > 1 ? "s" : ""} a row`));
  byId("tickets").replaceChildren(...(tickets.length ? tickets.map(({ name, rows, left }) => make("p", {}, `${name}: ${rows - left} of ${rows} answered`))
    : [make("p", { class: "quiet" }, "none is open")]));
  const columns = ["annotator", "answers", "skipped", "unsure", "undone", "a minute", "s a row", "last seen"];
  byId("annotators").replaceChildren(annotators.length ? make("table", { class: "people" },
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", {}, name)))),
    make("tbody", {}, ...annotators.map((each) => make("tr", {}, ...[
      each.name, each.answers, each.skips, each.unsure, each.undone, each.rate ? Math.round(each.rate) : "–",
      each.seconds === null ? "–" : each.seconds.toFixed(1), new Date(1000 * each.last).toLocaleString(),
    ].map((cell) => make("td", {}, String(cell))))))) : make("p", { class: "quiet" }, "nobody has answered yet"));
  const now = JSON.stringify(doubts);
  if (now === drawn) return;
  drawn = now;
  byId("doubts").replaceChildren(...(doubts.length ? doubts.map(doubt) : [make("p", { class: "quiet" }, "none")]));
}

const named = (label) => label === null ? "unsure" : label === -2 ? "skip" : guide.classes[label].name;

function doubt({ ticket, row, label, opinions, item }) {
  const choice = make("select", { "aria-label": "class" },
    make("option", { value: "", disabled: "" }, "choose …"), ...guide.classes.map(({ name }, at) => make("option", { value: at }, name)), make("option", { value: -2 }, "skip"));
  choice.value = label === null ? "" : label; // nothing is decided by a press that was meant for another row
  const why = make("input", { placeholder: "why", maxlength: 2000, "aria-label": "why" });
  const decide = async () => {
    if (choice.value === "") { trouble("Choose a class, or skip, and say why."); return; }
    try {
      await ask("/api/revise", { ticket, row, label: Number(choice.value), annotator: guide.annotator || "owner", why: why.value, request: newRequest() });
      trouble("");
      look(await ask("/api/owner"));
    } catch (error) { trouble(error.message); }
  };
  return make("article", { "data-row": row },
    make("div", { class: "thumb" }, draw(item)),
    make("div", {},
      make("p", {}, make("strong", {}, item.caption), ` counts as ${label === null ? "nothing yet" : named(label)}`),
      make("ul", {}, ...opinions.map((each) => make("li", {}, `${each.annotator}: ${named(each.label)}${each.note ? ` (${each.note})` : ""}`))),
      make("p", { class: "decide" }, choice, why, make("button", { onclick: decide }, "decide"))));
}

function shape(tag, attributes, content) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (content !== undefined) element.textContent = content;
  return element;
}

function curve({ curve: points, metric, budget }) {
  if (!points.length) return make("p", { class: "quiet" }, "no model is measured yet");
  const [width, height, left, bottom, top] = [560, 220, 40, 30, 14];
  const most = Math.max(budget, ...points.map(([labels]) => labels));
  const x = (labels) => left + ((width - left - 14) * labels) / most;
  const y = (value) => height - bottom - (height - bottom - top) * value;
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${metric} by labels` });
  for (const value of [0, 0.25, 0.5, 0.75, 1]) {
    picture.append(shape("line", { x1: left, x2: width - 14, y1: y(value), y2: y(value), class: "grid" }));
    picture.append(shape("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  }
  picture.append(shape("text", { x: width - 14, y: height - 8, "text-anchor": "end" }, `${most} labels`));
  picture.append(shape("text", { x: left, y: height - 8 }, metric));
  picture.append(shape("polyline", { points: points.map(([labels, value]) => `${x(labels)},${y(value)}`).join(" "), class: "line" }));
  for (const [labels, value] of points) {
    const dot = shape("circle", { cx: x(labels), cy: y(value), r: 3.5, class: "dot" });
    dot.append(shape("title", {}, `${labels} labels: ${value.toFixed(3)}`));
    picture.append(dot);
  }
  const [labels, value] = points[points.length - 1];
  picture.append(shape("text", { x: Math.min(x(labels) + 6, width - 50), y: y(value) - 8, class: "value" }, value.toFixed(3)));
  return picture;
}

start();
