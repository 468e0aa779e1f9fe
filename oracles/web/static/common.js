// What both pages share. Every text from outside goes in by textContent, never as markup.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export class Refusal extends Error {}

const posted = (body) => ({
  method: "POST",
  headers: { "content-type": "application/json", "x-activeloop": "1" },
  body: JSON.stringify(body),
});

// The JSON that the server answers. A Refusal is final; any other error may pass, and the request be sent again.
export async function ask(path, body) {
  const answer = await fetch(path, { ...(body === undefined ? {} : posted(body)), signal: AbortSignal.timeout(15000) });
  if (answer.ok) return answer.json();
  const said = await answer.text();
  let message = said.trim();
  try { message = JSON.parse(said).error; } catch { /* plain text */ }
  if (answer.status === 503 || answer.status === 429) throw new Error(message);
  throw new Refusal(message || `the server answered ${answer.status}`);
}

// Sent even though the page goes away. A beacon could not carry the header that tells our page from another site's.
export function tellOnLeaving(path, body) {
  fetch(path, { ...posted(body), keepalive: true }).catch(() => {});
}

export function newRequest() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function trouble(message) {
  const line = byId("trouble");
  line.textContent = message || "";
  line.hidden = !message;
}

// An image, a text or a small table, as an element.
export function draw(item, image) {
  if (item.image) {
    const element = image || make("img", { src: item.image, alt: item.caption, draggable: "false" });
    element.classList.toggle("crisp", Math.max(item.width, item.height) <= 256);
    return element;
  }
  if (item.text !== undefined) return make("div", { class: "text" }, item.text);
  const lines = item.cells.map(([name, value]) => make("tr", {}, make("th", {}, name), make("td", {}, value)));
  return make("table", { class: "cells" }, make("tbody", {}, ...lines));
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
