// A view that can be linked: what is chosen stands in the address behind the #, by name, where it
// differs from what the page opens with.

/** Go to the view that the address names; what the page does not have is said. */
function readView() {
  const asked = new URLSearchParams(location.hash.slice(1)), absent = [];
  const find = (what, among, fallback) => {
    if (!asked.has(what)) return fallback;
    const at = among.findIndex((names) => [names].flat().includes(asked.get(what)));
    if (at < 0) absent.push(`${what} ${asked.get(what)}`);
    return at < 0 ? fallback : at;
  };
  chooseSet(find("data", PAGE.sets.map((set) => set.name), 0));
  const set = shownSet(), methods = Object.keys(set.deltas);
  const codecs = set.codecs.map((codec) => [codec.name, codec.full_name]);
  chosen.metric = find("metric", set.metrics.map((metric) => metric.name), firstMetric(set));
  const anchors = codecs.slice(0, measuredCodecs(set).length);
  chosen.anchor = asked.get("anchor") === "none" ? null : find("anchor", anchors, set.anchor);
  chosen.method = methods[find("method", methods, methods.indexOf(set.method))];
  chosen.axis = AXES[find("axis", AXES, 0)];
  chosen.cost = COSTS[find("time", COSTS, 0)];
  for (const name of asked.getAll("hide")) {
    const at = codecs.findIndex((names) => names.includes(name));
    if (at < 0) absent.push(`codec ${name}`);
    else chosen.hidden.add(at);
  }
  pickPictures(asked, find);
  byId("absent").hidden = !absent.length;
  byId("absent").textContent = `The link asks for ${absent.join(", ")}, which this page does not have.`;
}

/** Put what is chosen into the address. */
function writeView() {
  const set = shownSet(), view = [];
  const say = (what, value, first) => { if (value !== first) view.push([what, value]); };
  const codec = (number) => (number === null ? "none" : set.codecs[number].name);
  say("data", set.name, PAGE.sets[0].name);
  say("metric", set.metrics[chosen.metric]?.name, set.metrics[firstMetric(set)]?.name);
  say("anchor", codec(chosen.anchor), codec(set.anchor));
  say("method", chosen.method, set.method);
  say("axis", chosen.axis, AXES[0]);
  say("time", chosen.cost, COSTS[0]);
  for (const number of chosen.hidden) say("hide", codec(number));
  if (pickedFirst && chosen.set === 0) {
    const first = Object.fromEntries(pickedNames(pickedFirst));
    for (const [what, value] of pickedNames(picked)) say(what, value, first[what]);
  }
  const hash = view.map((pair) => pair.map(inAddress).join("=")).join("&");
  if (hash === location.hash.slice(1)) return;
  history.replaceState(null, "", location.href.split("#")[0] + (hash ? `#${hash}` : ""));
}

/** As readable as an address allows. */
const inAddress = (name) => encodeURIComponent(name).replaceAll("%3A", ":");
