// Where a number lies on an axis, and which numbers are written beside it.

/**
 * @typedef {{at: (value: number) => number, ticks: number[], from: number, to: number}} Scale
 */

const LOG_DIGITS = [[1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9],
  [1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]];

/** Around the values, with a margin; logarithmic ones cover at least an octave. @returns {Scale} */
function logScale(values, start, end, most) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = Math.max((high / low) ** 0.06, Math.sqrt(Math.max(1, (2 * low) / high)));
  const from = low / margin, to = high * margin;
  const at = (value) => start + ((end - start) * Math.log(value / from)) / Math.log(to / from);
  return { at, from, to, ticks: logTicks(from, to, most) };
}

function logTicks(from, to, most) {
  let ticks = [];
  for (const digits of LOG_DIGITS) {
    ticks = [];
    for (let decade = Math.floor(Math.log10(from)); decade <= Math.log10(to); decade += 1) {
      ticks.push(...digits.map((digit) => Number(`${digit}e${decade}`)));
    }
    ticks = ticks.filter((tick) => tick >= from && tick <= to);
    if (ticks.length <= most) break;
  }
  return ticks;
}

/** @returns {Scale} */
function linearScale(values, start, end, most) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  const from = low - margin, to = high + margin;
  const at = (value) => start + ((end - start) * (value - from)) / (to - from);
  return { at, from, to, ticks: linearTicks(from, to, most) };
}

function linearTicks(from, to, most) {
  const rough = (to - from) / most;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * [1, 2, 2.5, 5, 10].find((factor) => factor * decade >= rough);
  const ticks = [];
  for (let number = Math.ceil(from / step); number * step <= to; number += 1) {
    ticks.push(Number((number * step).toPrecision(12)));
  }
  return ticks;
}
