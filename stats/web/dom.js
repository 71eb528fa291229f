// SPDX-License-Identifier: GPL-2.0-or-later
// Elements by hand: whatever a container is called, it stays text.

// h("a", {href: "#/", class: "x", onclick: f}, "text", child, ...)
export function h(tag, properties = {}, ...children) {
	const element = document.createElement(tag);

	for (const [name, value] of Object.entries(properties)) {
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat().filter((c) => c !== null && c !== undefined));
	return element;
}

export function svg(tag, attributes) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	return element;
}

export const $ = (selector) => document.querySelector(selector);

// A colour or the like of the theme that is on. Each is asked for once: before it answers, the browser works out
// all styles that have changed.
const theme = new Map();

export function themed(name) {
	if (!theme.has(name))
		theme.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
	return theme.get(name);
}

export const forgetTheme = () => theme.clear();

// What nobody can see yet waits for a frame with all that can be seen, and then until the browser has nothing else
// to do; answers a way to give it up.
export function later(work) {
	const wait = window.requestIdleCallback ?? setTimeout;
	let given = false;

	requestAnimationFrame(() => wait(() => given || work()));
	return () => (given = true);
}

// What stands where something is to come, was looked for in vain, or went wrong.
export const loading = () => h("div", {class: "loading", "aria-label": "Loading"});
export const empty = (title, text) => h("div", {class: "empty"}, h("h2", {}, title), h("p", {}, text));
