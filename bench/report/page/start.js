// Everything is drawn once, and again where a choice changes it.

function changed() {
  keepingFocus(byId("choices"), () => drawChoices(changed));
  keepingFocus(byId("codecs"), () => drawCodecs(changed));
  const measured = shownSet().metrics.length > 0;
  byId("main").hidden = !measured;
  if (measured) {
    drawCurves();
    drawTimes();
    keepingFocus(byId("matrix"), drawDeltas);
  }
  drawProvenance();
  writeView();
  if (drawnSet !== chosen.set) drawSet(measured);
}

let drawnSet = null;

/** What only another data set changes. */
function drawSet(measured) {
  const set = shownSet(), count = measuredCodecs(set).length, others = set.codecs.length - count;
  drawnSet = chosen.set;
  document.title = `${set.name}, ${set.images}`;
  byId("title").textContent = set.name;
  byId("summary").textContent = `${set.images}, ${count} ${count === 1 ? "codec" : "codecs"}`
    + (others ? `, ${others} published ${others === 1 ? "curve" : "curves"}` : "")
    + (measured ? "" : "; nothing measured yet");
  drawGallery();
}

/** The system's choice of dark or light, until the reader makes one. */
function drawTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const say = () => { byId("theme").textContent = isDark() ? "Light" : "Dark"; };
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    say();
  });
  dark.addEventListener("change", say);
  say();
}

function start() {
  drawTheme();
  readView();
  changed();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    changed();
  });
  // The pictures are at the end of the file: they may not be there yet.
  document.addEventListener("DOMContentLoaded", drawGallery);
  addEventListener("hashchange", () => {
    readView();
    changed();
    drawGallery();
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is the view's
    byId("main").focus();
  });
}

start();
