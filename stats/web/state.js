// SPDX-License-Identifier: GPL-2.0-or-later
// What is looked at, all of it in the address: a link shows another person the same.

import {parseDuration} from "./series.js";

export const presets = [["5min", "5 minutes"], ["15min", "15 minutes"], ["1h", "1 hour"], ["6h", "6 hours"],
	["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"], ["365d", "1 year"]];

// "#/c/users%2Fu1000?last=1h" and the like.
export function read() {
	const [path, query] = location.hash.replace(/^#/, "").split("?");
	const [, view, ...rest] = (path || "/").split("/");
	const args = new URLSearchParams(query);
	const state = {view: {"": "machine", c: "container"}[view] ?? view, container: null, args};

	if (state.view === "container")
		state.container = decodeURIComponent(rest.join("/")) || "/";
	state.from = Number(args.get("from"));
	state.until = Number(args.get("until"));
	state.last = state.from && state.until > state.from ? null : args.get("last") || "1h";
	if (state.last && !parseDuration(state.last))
		state.last = "1h";
	return state;
}

// From and until in seconds, as they are now.
export function period(state, now = Date.now() / 1000) {
	if (!state.last)
		return [state.from, state.until];
	return [now - parseDuration(state.last), now];
}

// The part of an address that says when.
function when(args) {
	const kept = new URLSearchParams();

	for (const name of ["last", "from", "until"])
		if (args.has(name))
			kept.set(name, args.get(name));
	return kept;
}

function address(path, args) {
	const text = args.toString();

	return `#/${path}${text && "?" + text}`;
}

export const containerLink = (name) => address(`c/${encodeURIComponent(name)}`, when(read().args));
export const viewLink = (view) => address(view === "machine" ? "" : view, when(read().args));

// Another period of the same view.
export function setPeriod(change) {
	const [path] = location.hash.replace(/^#\//, "").split("?");
	const args = read().args;

	for (const name of ["last", "from", "until"])
		args.delete(name);
	for (const [name, value] of Object.entries(change))
		args.set(name, typeof value === "number" ? value.toFixed(3).replace(/\.?0+$/, "") : value);
	location.hash = address(path, args);
}

// Other arguments of the same view; a list stands for several of one name.
export function setArguments(change) {
	const [path] = location.hash.replace(/^#\//, "").split("?");
	const args = read().args;

	for (const [name, values] of Object.entries(change)) {
		args.delete(name);
		[].concat(values).forEach((value) => value && args.append(name, value));
	}
	location.hash = address(path, args);
}
