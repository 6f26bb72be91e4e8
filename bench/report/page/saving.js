// Saving what is shown: a chart as SVG that stands alone, and the figures in it as CSV.

/**
 * Buttons that save.
 * @param {string} what  names the files, after the data set
 * @param {{chart?: Chart, rows: any[][]}} shown
 */
function saveButtons(what, { chart, rows }) {
  const name = `${shownSet().name} ${what}`.replaceAll(/[^\w.-]+/g, "-");
  const button = (said, type, content) => element("button", {
    type: "button", class: "link", onclick: () => save(`${name}.${said.toLowerCase()}`, type, content()),
  }, `Save ${said}`);
  return element("p", { class: "saving" },
    chart ? button("SVG", "image/svg+xml", () => standalone(chart)) : null,
    button("CSV", "text/csv", () => rows.map(csvLine).join("")));
}

function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const csvLine = (row) => `${row.map(csvCell).join(",")}\n`;

/** As bench writes CSV: a text that a spreadsheet would run has an apostrophe before it. */
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const text = /^'*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const SAVED_WIDTH = 760;
// What the style sheet says of a chart, and what it need not say.
const PRESENTATION = { fill: "rgb(0, 0, 0)", stroke: "none", "stroke-width": "1px",
  "stroke-dasharray": "none", "stroke-linejoin": "miter", "stroke-linecap": "butt", opacity: "1",
  "paint-order": "normal", "font-size": "", "font-weight": "400", "text-anchor": "start" };

/** A chart as a file of its own: light, with a title and a key. */
function standalone(chart) {
  const host = element("div", { class: "chart printed" });
  document.body.append(host);
  drawChart(host, chart);
  const drawn = host.querySelector("svg"), top = 52, height = top + drawn.height.baseVal.value;
  const keys = keyRows(chart);
  const made = shape("svg", { width: SAVED_WIDTH, height: height + 22 * keys.length + 10,
    viewBox: `0 0 ${SAVED_WIDTH} ${height + 22 * keys.length + 10}` },
  shape("rect", { width: "100%", height: "100%", fill: "var(--page)" }),
  shape("text", { x: 2, y: 18, class: "heading" }, `${shownSet().name}, ${shownSet().images}`),
  shape("text", { x: 2, y: 38, class: "title" }, chart.label),
  shape("g", { transform: `translate(0 ${top})` }, ...drawn.childNodes),
  ...keys.map((row, at) => shape("g", { transform: `translate(52 ${height + 22 * at + 8})` }, ...row)));
  host.replaceChildren(made);
  for (const node of made.querySelectorAll("*")) {
    const style = getComputedStyle(node);
    for (const [name, usual] of Object.entries(PRESENTATION)) {
      const value = style.getPropertyValue(name);
      if (value !== usual) node.setAttribute(name, value);
    }
    node.removeAttribute("class");
  }
  host.remove();
  made.setAttribute("font-family", "Helvetica, Arial, sans-serif");
  return new XMLSerializer().serializeToString(made);
}

/** The codecs' marks and names, in as many rows as they need. */
function keyRows(chart) {
  const rows = [[]];
  let left = 0;
  for (const series of chart.series) {
    const width = 60 + 6.8 * series.name.length;
    if (left && left + width > SAVED_WIDTH - 66) {
      rows.push([]);
      left = 0;
    }
    rows.at(-1).push(shape("g", { transform: `translate(${left + 13} 0)` }, ...keyPaths(series.codec),
      shape("text", { x: 20, y: 4, class: "name" }, series.name)));
    left += width;
  }
  return rows;
}
