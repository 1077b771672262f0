// Builds elements without markup in strings, so that text from a study is never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element by tag and classes, as in "p.quiet".
 *
 * @param rest optional props, then children. Props: `dataset`, `on…` listeners, properties given
 *   as `.name`, attributes. Children: nodes, text, or nested arrays of them.
 */
export function h(selector, ...rest) {
  return filled((tag) => document.createElement(tag), selector, rest);
}

export function svg(selector, ...rest) {
  return filled((tag) => document.createElementNS(SVG, tag), selector, rest);
}

function filled(create, selector, children) {
  const [tag, ...classes] = selector.split(".");
  const element = create(tag);
  const props = children[0]?.constructor === Object ? children.shift() : {};
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith(".")) element[name.slice(1)] = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

/** Nested children as one list, without those that are null, undefined or false. */
function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

const shownIn = new WeakMap();

/** Rebuild an element's content only if the value has changed, so that focus and selection stay. */
export function show(element, value, build) {
  const key = JSON.stringify(value);
  if (shownIn.get(element) === key) return false;
  shownIn.set(element, key);
  const focused = element.contains(document.activeElement) && document.activeElement.dataset.key;
  element.replaceChildren(...flat([build(value)]));
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  return true;
}

export const $ = (selector, root = document) => root.querySelector(selector);

/** The page's study, and URLs. */
export const study = document.body.dataset.study;
export const mayAct = document.body.dataset.control === "yes";
export const at = {
  study: (name) => `/study/${encodeURIComponent(name)}`,
  trial: (name, number) => `/study/${encodeURIComponent(name)}/trial/${number}`,
  data: (name, rest = "") => `/data/study/${encodeURIComponent(name)}${rest}`,
  file: (name, number, file) =>
    `/files/study/${encodeURIComponent(name)}/trial/${number}/${encodeURIComponent(file)}`,
  compare: (names) => `/compare?${studyQuery(names)}`,
};

/** The studies of a comparison as the query of a URL. */
export function studyQuery(names) {
  return new URLSearchParams(names.map((name) => ["study", name]));
}

/** A message box; kind: "warn", "bad", or none. Text and arrays of content become paragraphs. */
export function message(kind, ...content) {
  const parts = content.map((part) => (part instanceof Node || !part ? part : h("p", part)));
  return h("div.message", { dataset: kind ? { kind } : null }, parts);
}

/** Show why the page has no data. */
export function showRefusal(error) {
  show($("#notice"), error.message, (reason) => message("warn", reason));
}

export function button(words, onclick, props) {
  return h("button.button.small", { type: "button", onclick, ...props }, words);
}

export function quiet(...content) {
  return h("p.quiet", content);
}

/** A tile of a page's summary. */
export function tile(heading, ...content) {
  return h("section.tile", h("h2", heading), content);
}

/** The large text of a tile. */
export function big(...content) {
  return h("p.big", content);
}

/** A link to a trial of a study. */
export function trialLink(name, number, words = String(number), key = null) {
  return h("a", { href: at.trial(name, number), "data-key": key }, words);
}

/** Children with commas between them. */
export function listed(children) {
  return children.map((child, i) => [i ? ", " : "", child]);
}

/** A description list of [name, value] pairs. */
export function factList(pairs) {
  return h(
    "dl.facts",
    pairs.map(([name, value]) => [h("dt", name), h("dd", value)]),
  );
}

/** A row of a table whose first cell is its heading; cells that are no `td` are put into one. */
export function row(heading, cells, props = {}) {
  const isCell = (cell) => cell instanceof Element && cell.tagName === "TD";
  return h(
    "tr",
    props,
    h("th", { scope: "row" }, heading),
    cells.map((cell) => (isCell(cell) ? cell : h("td", cell))),
  );
}

/** A table with headings; cells are nodes or text, rows arrays of them. */
export function table(caption, headings, rows, props = {}) {
  const columns = headings.map((heading) => h("th", { scope: "col" }, heading));
  return h(
    "table",
    props,
    h("caption.hidden", caption),
    h("thead", h("tr", columns)),
    h("tbody", rows),
  );
}
