// Everything is drawn once, and again where a choice changes it.

function changed() {
  drawCurves();
  drawTimes();
  keepingFocus(byId("matrix"), drawDeltas);
  drawControls();
}

let drawnSet = null;

function drawControls() {
  keepingFocus(byId("choices"), () => drawChoices(changed));
  keepingFocus(byId("codecs"), () => drawCodecs(changed));
  if (drawnSet === chosen.set) return;
  drawnSet = chosen.set;
  const set = shownSet();
  document.title = `${set.name}, ${set.images}`;
  byId("title").textContent = set.name;
  byId("summary").textContent = `${set.images}, ${set.codecs.length} codecs`;
  drawProvenance();
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
  chooseSet(0);
  changed();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return;
    width = innerWidth;
    changed();
  });
  // The pictures are at the end of the file: they may not be there yet.
  document.addEventListener("DOMContentLoaded", drawGallery);
}

start();
