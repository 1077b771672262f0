// Builds elements without markup in strings, so that text from a study is never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Props: `class`, `dataset`, `on…` listeners, properties given as `.name`, attributes. */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
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
  compare: (names) => `/compare?${new URLSearchParams(names.map((name) => ["study", name]))}`,
};

/** A message box; kind: "warn", "bad", or none. */
export function message(kind, ...content) {
  return h("div", { class: "message", dataset: kind ? { kind } : null }, content);
}

/** A link to a trial of a study. */
export function trialLink(name, number, words = String(number), key = null) {
  return h("a", { href: at.trial(name, number), "data-key": key }, words);
}

/** A table with headings; cells are nodes or text, rows arrays of them. */
export function table(caption, headings, rows, props) {
  return h(
    "table",
    props,
    h("caption", { class: "hidden" }, caption),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        headings.map((heading) => h("th", { scope: "col" }, heading)),
      ),
    ),
    h("tbody", null, rows),
  );
}
