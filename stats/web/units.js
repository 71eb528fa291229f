// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers as people say them.

function short(value) {
	const a = Math.abs(value);

	if (a >= 100 || a === 0)
		return value.toFixed(0);
	return Number(value.toPrecision(a < 0.1 ? 1 : 3)).toString();
}

function scaled(value, base, names) {
	let i = 0;

	for (; Math.abs(value) >= base * 0.9995 && i + 1 < names.length; i++)
		value /= base;
	return `${short(value)}${names[i] && " " + names[i]}`;
}

const none = (f) => (value) => (value === null || value === undefined || Number.isNaN(value) ? "–" : f(value));

export const bytes = none((v) => scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]));
export const bytesRate = none((v) => bytes(v) + "/s");
export const count = none((v) => scaled(v, 1000, ["", "k", "M", "G"]));
export const countRate = none((v) => count(v) + "/s");
// CPUs: of one up to ten of them in percent, as top(1) has it.
export const cpu = none((v) => (Math.abs(v) < 10 ? `${short(v * 100)} %` : `${short(v)} CPUs`));
export const share = none((v) => `${short(v * 100)} %`);

export const seconds = none((v) => {
	if (v < 1e-3)
		return v === 0 ? "0 s" : `${short(v * 1e6)} µs`;
	if (v < 1)
		return `${short(v * 1e3)} ms`;
	if (v < 60)
		return `${short(v)} s`;
	for (const [length, name, below, part] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]])
		if (v >= length) {
			const rest = Math.floor((v % length) / below);

			return `${Math.floor(v / length)} ${name}${rest && v < 100 * length ? ` ${rest} ${part}` : ""}`;
		}
	return "";
});

const pad = (n) => String(n).padStart(2, "0");
export const clock = (t) => {
	const d = new Date(t * 1000);

	return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
};
export const day = (t) => {
	const d = new Date(t * 1000);

	return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
};
// With the day only where it is another one.
export const moment = (t) => (day(t) === day(Date.now() / 1000) ? clock(t) : `${day(t)} ${clock(t)}`);
