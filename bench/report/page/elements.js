// Making elements. Text is only ever set as text: names come from files, and may hold anything.

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/**
 * An element of HTML.
 * @param {string} tag
 * @param {Object<string, any>} attributes  `on…` are listeners; null and false are left out
 * @param {...(Node|string|null)} children
 */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-")) made.setAttribute(name, String(value));
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A labelled choice between values: [value, what it is called] each. */
function choice(label, values, chosen, onchange) {
  const options = values.map(([value, said]) =>
    element("option", { value, selected: String(value) === String(chosen) }, said));
  const select = element("select",
    { "aria-label": label, onchange: (event) => onchange(event.target.value) }, ...options);
  return element("label", { class: "choice" }, element("span", {}, label), select);
}

/** A table; a cell is text or nodes, and the first of a row its heading. */
function table(caption, headings, rows) {
  const cell = (content, at) => {
    const children = Array.isArray(content) ? content : [content];
    return at
      ? element("td", { "data-label": text(headings[at]) }, ...children)
      : element("th", { scope: "row" }, ...children);
  };
  return element("table", {},
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, ...headings.map((heading) =>
      element("th", { scope: "col" }, heading)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))));
}

/** Draw again, and have the same control in focus as before. */
function keepingFocus(host, draw) {
  const controls = () => [...host.querySelectorAll("button, select, input")];
  const at = controls().indexOf(document.activeElement);
  draw();
  if (at >= 0) controls()[at]?.focus();
}

const text = (content) => (typeof content === "string" ? content : content.textContent);
