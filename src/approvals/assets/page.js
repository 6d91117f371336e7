// The page is complete without this. It keeps what is shown up to date, and what is typed safe.
"use strict";

const news = document.getElementById("news");
let shown = document.querySelector("main")?.innerHTML;

const say = (text, stays) => {
  news.textContent = text;
  news.classList.toggle("shown", Boolean(stays));
};

// ---- What is typed outlives a new version of the page, and a login in between.

const fields = () => document.querySelectorAll("main form[method=post] textarea");
const draft = (field) => `${location.pathname}#${field.id}`;

const remember = (event) => {
  if (event.target.matches("main form[method=post] textarea")) {
    sessionStorage.setItem(draft(event.target), event.target.value);
  }
};

const recall = () => {
  for (const field of fields()) {
    field.value ||= sessionStorage.getItem(draft(field)) ?? "";
  }
};

// What was decided needs no draft any more.
const forget = () => {
  if (document.querySelector("main[data-live]") && !fields().length) {
    sessionStorage.removeItem(`${location.pathname}#reason`);
  }
};

// ---- The same page, anew: focus, selection, what is typed and what is open stay as they are.

const swap = (text) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  const [old, fresh] = [document.querySelector("main"), page.querySelector("main")];
  if (!old || !fresh || fresh.innerHTML === shown) return;
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focus?.id ? `#${focus.id}` : focus?.getAttribute("href") && `a[href="${CSS.escape(focus.getAttribute("href"))}"]`;
  const selection = focus?.matches("textarea, input[type=search]") ? [focus.selectionStart, focus.selectionEnd] : null;
  const typed = [...old.querySelectorAll("textarea, input, select")].map((field) => [field.id, field.value]);
  const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
  shown = fresh.innerHTML;
  old.replaceChildren(...fresh.childNodes);
  age();
  for (const [id, value] of typed) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  const again = place && old.querySelector(place);
  if (again) {
    again.focus({ preventScroll: true });
    if (selection) again.setSelectionRange(...selection);
  }
  if (document.title !== page.title) {
    document.title = page.title;
    say(page.title.replace(/ · .*/, ""));
  }
};

let late = false;
let busy = false;
const refresh = async () => {
  if (busy) {
    late = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
    if (answer.ok) swap(await answer.text());
    if (answer.type === "opaqueredirect") say("Your login is over: reload to go on.", true);
  } catch {
    // The connection will say so, and come back.
  }
  // However much happens, once a second is enough for eyes.
  setTimeout(() => {
    busy = false;
    if (late) {
      late = false;
      refresh();
    }
  }, 1000);
};

const listen = () => {
  const events = new EventSource("/changes");
  events.onmessage = refresh;
  events.onopen = () => say("");
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) say("This page is not live any more: reload to go on.", true);
  };
};

// ---- Times, as long as the page stands; in the reader's own zone on request.

const tell = (seconds) => {
  const far = Math.abs(seconds);
  const [many, unit] = far < 2 ? [0] : far < 90 ? [far, "s"] : far < 5400 ? [far / 60, "min"] : far < 172800 ? [far / 3600, "h"] : [far / 86400, "days"];
  if (!many) return "now";
  return seconds < 0 ? `in ${Math.round(many)} ${unit}` : `${Math.round(many)} ${unit} ago`;
};

const age = () => {
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    time.textContent = tell(Math.trunc((Date.now() - at) / 1000));
    time.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  }
};

// ---- j and k go from one ask to the next, as in a mailbox.

const step = (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { j: 1, k: -1 }[event.key];
  if (!by) return;
  const rows = [...document.querySelectorAll("[data-rows] h3 a")];
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
};

addEventListener("input", remember);
addEventListener("keydown", step);
recall();
forget();
age();
setInterval(age, 5000);
if (document.querySelector("main[data-live]")) listen();
