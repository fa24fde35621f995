"use strict";
// Errors are kept where a reader, and a test, can see them.
const failures = [];
function failed(message) {
  failures.push(String(message));
  document.documentElement.dataset.failures = failures.join(" | ");
}
addEventListener("error", (event) => failed(event.message));
addEventListener("unhandledrejection", (event) => failed(event.reason));
addEventListener("securitypolicyviolation", (event) => failed(`${event.violatedDirective}: ${event.blockedURI}`));

const PAGE = 25;
const MOST_WORDS = 400; // longer texts are shown without marks: comparing takes words × words
const MOST_SCORES = 4;
const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($(id).textContent);

// Texts of rows come from a model: they are only ever set as text, never as mark-up.
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function paragraph(text) {
  const made = element("p", "text", text);
  made.dir = "auto";
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

// In scripts without spaces each character is a word.
const UNSPACED = String.raw`[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}]`;
const SPACED = String.raw`(?:(?!${UNSPACED})[\p{L}\p{N}\p{M}])+`;
const WORD = new RegExp(String.raw`\s+|${UNSPACED}\p{M}*|${SPACED}(?:['’]${SPACED})*|.`, "gsu");

// Words of `one` that a longest common subsequence with `other` lacks are marked.
function compared(one, other) {
  const [left, right] = [one, other].map((text) => text.match(WORD) || []);
  const words = (parts) => parts.map((part) => part.toLowerCase()).filter((part) => part.trim());
  const [a, b] = [words(left), words(right)];
  const made = document.createDocumentFragment();
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) {
    made.append(one);
    return made;
  }
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const common = new Set();
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      common.add(i);
      i++;
      j++;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  let at = 0;
  for (const part of left) {
    if (!part.trim()) made.append(part);
    else made.append(common.has(at++) ? part : element("mark", "", part));
  }
  return made;
}

function beside(text, twin, name, id) {
  const column = (title, one, other) => {
    const shown = element("p", "text", compared(one, other));
    shown.dir = "auto";
    return element("div", "", element("h4", "", title), shown);
  };
  return element(
    "div",
    "evidence beside",
    column("this row", text, twin),
    column(`${name} ${id}`.trim(), twin, text),
  );
}

const COMPARED = { duplicate_of: "an earlier row,", real: "a real row,", test: "a test row,", demonstration: "a demonstration," };

function value(content) {
  if (Array.isArray(content)) return content.map(value).join(", ");
  if (content !== null && typeof content === "object") {
    return Object.entries(content).map(([key, each]) => `${key} ${value(each)}`).join(", ");
  }
  return typeof content === "number" && !Number.isInteger(content) ? String(Number(content.toPrecision(3))) : String(content);
}

function evidence(row, meaning) {
  const parts = [];
  const facts = row.evidence || {};
  const twins = Object.keys(facts).filter((key) => key.endsWith("_text"));
  const hidden = new Set(twins.flatMap((key) => [key, key.slice(0, -5)]));
  const plain = Object.entries(facts).filter(([key]) => !hidden.has(key));
  const line = element("p", "evidence");
  if (meaning) line.append(meaning, plain.length ? " · " : "");
  plain.forEach(([key, each], place) => {
    line.append(place ? " · " : "", `${key.replaceAll("_", " ")} `, element("b", "", value(each)));
  });
  if (line.childNodes.length) parts.push(line);
  const text = row.pair ? `${row.text} / ${row.pair}` : row.text;
  for (const key of twins) {
    const name = key.slice(0, -5);
    parts.push(beside(text, String(facts[key]), COMPARED[name] || name, String(facts[name] ?? "")));
  }
  return parts;
}

function scores(row, labels) {
  if (!row.scores) return null;
  const made = element("span", "scores");
  const order = row.scores.map((share, place) => [share, place]);
  if (order.length > MOST_SCORES) order.sort((one, other) => other[0] - one[0]).splice(MOST_SCORES);
  for (const [share, place] of order) {
    const filled = element("span", labels[place] === row.label ? "kept" : "");
    filled.style.width = `${100 * share}%`;
    const bar = element("span", "share", filled);
    bar.setAttribute("aria-hidden", "true");
    made.append(element("span", "score", `${labels[place]} `, bar, percent(share)));
  }
  return made;
}

function drawn(row, data) {
  const shown = data.demonstrations[row.prompt] || [];
  const texts = shown.filter((id) => id in data.real);
  if (!texts.length) return null;
  const list = element("ul", "texts");
  for (const id of texts) {
    const item = element("li", "", data.real[id], " ", element("code", "", id));
    item.dir = "auto";
    list.append(item);
  }
  return element("details", "", element("summary", "", `written after ${texts.length} real rows`), list);
}

function card(row, data, means) {
  const chips = element(
    "p",
    "chips",
    element("span", row.rule ? "chip rejected" : "chip kept", row.rule || "kept"),
    element("span", "chip", row.written ? `${row.written} → ${row.label}` : row.label || "no label"),
    scores(row, data.labels),
    element("span", "", row.method ? row.method.replaceAll("_", " ") : "came without a label"),
    ...Object.entries(row.values || {}).map(([key, each]) => element("span", "", `${key}: ${value(each)}`)),
    ...["profile", "confidence", "variability"]
      .filter((key) => row[key] !== undefined)
      .map((key) => element("span", "", `${key.replaceAll("_", " ")} ${value(row[key])}`)),
    element("code", "", row.id),
  );
  const pair = row.pair ? paragraph(row.pair) : null;
  return element("li", "", paragraph(row.text || "(nothing)"), pair, chips, ...evidence(row, means[row.rule]), drawn(row, data));
}

function browser(data, means) {
  const fields = ["q", "source", "status", "rule", "label", "method"];
  let page = 1;
  const sources = new Set(data.rows.map((row) => (row.method ? "synthetic" : "unlabelled")));
  const choices = {
    source: [...sources].map((source) => [source, source]),
    status: [["kept", "kept"], ["rejected", "rejected"], ["relabelled", "relabelled"]],
    rule: Object.entries(data.rules).map(([rule, count]) => [rule, `${rule} (${count.toLocaleString("en")})`]),
    label: data.labels.map((label) => [label, label]),
    method: data.methods.map((method) => [method, method.replaceAll("_", " ")]),
  };
  for (const [id, options] of Object.entries(choices)) {
    $(id).append(...[["", "all"], ...options].map(([key, name]) => new Option(name, key)));
    $(id).parentElement.hidden = ["source", "method"].includes(id) && options.length < 2;
  }
  const searched = data.rows.map((row) => `${row.id}\n${row.text}\n${row.pair || ""}`.toLowerCase());

  function fits(row, place, wanted) {
    const status = wanted.status;
    if (wanted.source && (wanted.source === "synthetic") !== Boolean(row.method)) return false;
    if (status === "kept" && row.rule) return false;
    if (status === "rejected" && !row.rule) return false;
    if (status === "relabelled" && !row.written) return false;
    if (wanted.rule && row.rule !== wanted.rule) return false;
    if (wanted.label && row.label !== wanted.label && row.written !== wanted.label) return false;
    if (wanted.method && row.method !== wanted.method) return false;
    return wanted.q.toLowerCase().split(/\s+/).every((word) => searched[place].includes(word));
  }

  function show() {
    const wanted = Object.fromEntries(fields.map((id) => [id, $(id).value.trim()]));
    const matches = data.rows.filter((row, place) => fits(row, place, wanted));
    const pages = Math.max(1, Math.ceil(matches.length / PAGE));
    page = Math.min(Math.max(1, page), pages);
    const first = (page - 1) * PAGE;
    $("list").replaceChildren(...matches.slice(first, first + PAGE).map((row) => card(row, data, means)));
    const count = `${matches.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} rows`;
    $("shown").textContent = matches.length ? `${count}, page ${page} of ${pages}` : `${count}: no row fits the filter`;
    for (const button of document.querySelectorAll(".previous")) button.disabled = page === 1;
    for (const button of document.querySelectorAll(".next")) button.disabled = page === pages;
    return wanted;
  }

  function remember(wanted) {
    const state = new URLSearchParams(Object.entries(wanted).filter(([, each]) => each));
    if (page > 1) state.set("page", page);
    const hash = String(state) ? `#rows?${state}` : "#rows";
    // A copy inside another page has no address of its own.
    if (location.protocol !== "about:") history.replaceState(null, "", hash);
  }

  function recall() {
    if (!/^#rows(\?|$)/.test(location.hash)) return false;
    const state = new URLSearchParams(location.hash.slice("#rows?".length));
    for (const id of fields) {
      $(id).value = state.get(id) || "";
      if (!$(id).value) $(id).value = ""; // a choice that this page does not have
    }
    page = Number.parseInt(state.get("page"), 10) || 1;
    return true;
  }

  function changed() {
    page = 1;
    remember(show());
  }

  function turn(step) {
    page += step;
    remember(show());
    $("rows").scrollIntoView();
  }

  for (const id of fields) $(id).addEventListener("input", changed);
  $("clear").addEventListener("click", () => {
    for (const id of fields) $(id).value = "";
    changed();
  });
  for (const button of document.querySelectorAll(".previous")) button.addEventListener("click", () => turn(-1));
  for (const button of document.querySelectorAll(".next")) button.addEventListener("click", () => turn(1));
  addEventListener("hashchange", () => {
    if (!recall()) return;
    show();
    $("rows").scrollIntoView();
  });
  const asked = recall();
  show();
  // The browser looks for an element of the whole hash's name, and finds none.
  if (asked) $("rows").scrollIntoView();
}

// A mark of a chart says what it is by its accessible name; its axes' and containers' are not for the eye.
function tips() {
  const tip = $("tip");
  addEventListener("pointermove", (event) => {
    const mark = event.target instanceof Element ? event.target.closest(".chart [aria-roledescription][aria-label]") : null;
    const shown = mark && mark.getAttribute("role") === "graphics-symbol" && mark.tagName !== "g";
    tip.hidden = !shown;
    if (!shown) return;
    tip.textContent = mark.getAttribute("aria-label");
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 12)}px`;
  });
}

const rows = read("rows-json");
if (rows.rows.length) browser(rows, read("means-json"));
tips();
