// SPDX-License-Identifier: GPL-2.0-or-later
// Series as the API tells them, made into columns for the charts, and what ticks add to them.

const lengths = {s: 1, min: 60, h: 3600, d: 86400};

export function parseDuration(text) {
	const found = /^(\d+)(s|min|h|d)$/.exec(text ?? "");

	return found ? Number(found[1]) * lengths[found[2]] : 0;
}

// What a metric is called in an answer: "cpu_seconds:rate" is "cpu_seconds_rate".
export const column = (metric) => metric.replace(":", "_");

// Of an answer: {times, of: Map(container -> Map(column -> values))}. A value stands at its step's end.
export function table(answer) {
	const times = Array.from({length: answer.steps}, (_, i) => answer.from + (i + 1) * answer.step);
	const of = new Map();

	for (const series of answer.series)
		of.set(series.container, new Map(answer.metrics.map((name, i) => [name, series.values[i]])));
	return {times, step: answer.step, of};
}

export function mean(values) {
	let sum = 0, n = 0;

	for (const value of values ?? [])
		if (value !== null) {
			sum += value;
			n++;
		}
	return n ? sum / n : null;
}

export const newest = (values) => values?.findLast((value) => value !== null) ?? null;

// A tick, or what is newest: Map(container -> (metric) => its value there, a counter's in a second, or
// undefined). A row of a time before has counters that have not moved since.
export function tickValues(frame) {
	const index = new Map(frame.metrics.map((name, i) => [name, i + 1]));
	const period = index.get("period"), time = index.get("time");
	const of = new Map();

	for (const row of frame.rows)
		of.set(row[0], (metric) => {
			const [name, how] = metric.split(":");
			const at = index.get(name);

			if (at === undefined || row[at] === null)
				return undefined;
			if (how !== "rate")
				return row[at];
			return time && row[time] < frame.time ? 0 : row[at] / row[period];
		});
	return of;
}
