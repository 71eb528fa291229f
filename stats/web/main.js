// SPDX-License-Identifier: GPL-2.0-or-later
// The page: which view is on, its period, what the server tells of itself, keys and theme.

import {ask, isAborted, watch} from "./api.js";
import {redrawAll} from "./chart.js";
import {Compare} from "./compare.js";
import {Container} from "./container.js";
import {$, empty, h, loading} from "./dom.js";
import {Events} from "./events.js";
import {Machine} from "./machine.js";
import {tickValues} from "./series.js";
import * as state from "./state.js";
import * as units from "./units.js";

const views = {machine: Machine, container: Container, events: Events, compare: Compare};
let shown = null; // {view, state, context, ready}
let record = null; // what the server said of it last
let known = null; // it has said so, or could not
let connected = false, lost = false; // neither until the first attempt is over
let lastTick = 0;

// ---- what is shown ----

// What a view loads with: its period, as the API wants it and as a window, and how it is given up.
function makeContext(now) {
	const abort = new AbortController();

	return {
		signal: abort.signal,
		abort: () => abort.abort(),
		period: () => (now.last ? {last: now.last} : {from: now.from, until: now.until}),
		window: () => state.period(now),
		// The end of the record, when the server has told of it.
		newest: async () => (await known, Math.max(lastTick, record?.last_tick ?? 0)),
	};
}

async function show() {
	const now = state.read();
	const View = views[now.view] ?? Machine;

	shown?.context.abort();
	shown?.view.destroy();
	shown = {view: new View(now), state: now, context: makeContext(now), ready: false};
	showPeriod(now);
	showLive();
	document.title = now.container ? `${now.container} – containers` : "containers";
	for (const link of document.querySelectorAll("nav a")) {
		link.href = state.viewLink(link.dataset.view);
		link.setAttribute("aria-current", link.dataset.view === now.view ? "page" : "false");
	}
	await load(shown);
}

async function load(what) {
	const main = $("#view"), wait = setTimeout(() => main.classList.add("waiting"), 150);

	main.setAttribute("aria-busy", "true");
	// It must stand in the page to have a width.
	main.replaceChildren(what.view.element);
	try {
		await Promise.all([what.view.load(what.context), known]);
		what.ready = true;
		if (record && !record.last_tick)
			main.replaceChildren(empty("Nothing has been recorded yet", "Start it with: containerstats record --db FILE"));
	} catch (error) {
		if (!isAborted(error) && what === shown)
			main.replaceChildren(h("div", {class: "empty"}, h("h2", {}, "That could not be shown"), h("p", {}, error.message), h("button", {onclick: show}, "Try again")));
	}
	clearTimeout(wait);
	if (what === shown) {
		main.classList.remove("waiting");
		main.setAttribute("aria-busy", "false");
	}
}

// ---- how the record stands ----

function banner(text, action) {
	const box = $("#banner");

	box.hidden = !text;
	box.replaceChildren(text ?? "", ...(action ? [" ", action] : []));
}

function showLive() {
	const box = $("#live"), now = Date.now() / 1000;
	const last = Math.max(lastTick, record?.last_tick ?? 0), interval = record?.interval ?? 1;
	const stale = last && now - last > Math.max(5 * interval, 10);

	if (lost) {
		box.textContent = "no connection";
		banner("The server does not answer. It is tried again; what you see is what was known before.");
	} else if (stale) {
		box.textContent = "stopped";
		banner(`The recorder has written nothing since ${units.moment(last)}.`, shown?.state.last
			? h("button", {onclick: () => state.setPeriod({from: last - 3600, until: last})}, "Show its last hour") : null);
	} else {
		box.textContent = !last || !connected ? "waiting" : shown?.state.last ? "live" : "past";
		banner(null);
	}
	box.className = box.textContent.replace(" ", "-");
}

async function askStatus() {
	const before = record;

	try {
		record = (await ask("status")).record[0] ?? {};
	} catch {
		return;
	}
	showLive();
	// The first tick of a record that was empty.
	if (before && !before.last_tick && record.last_tick)
		show();
}

function onTick(frame) {
	const gap = lastTick && frame.time - lastTick > Math.max(3, 3 * (record?.interval ?? 1));

	lastTick = frame.time;
	showLive();
	if (record && !record.last_tick)
		return askStatus();
	if (!shown?.ready || !shown.state.last)
		return;
	// Ticks were missed: a gap that is none in the record. Long periods move by the minute, not the second.
	if (gap)
		show();
	else
		shown.view.tick(frame, tickValues(frame), shown.context.window());
}

function onConnection(is) {
	const back = is && lost;

	connected = is;
	lost = !is;
	if (back)
		askStatus().then(show);
	showLive();
}

// ---- period ----

function showPeriod(now) {
	const select = $("#presets"), form = $("#custom form"), [from, until] = state.period(now);
	const local = (t) => `${units.day(t)}T${units.clock(t)}`;
	const preset = state.presets.some(([value]) => value === now.last);

	select.value = preset ? now.last : "";
	select.options[0].hidden = preset;
	select.options[0].textContent = now.last ? `last ${units.seconds(until - from)}` : `${units.moment(from)} – ${units.moment(until)} (${units.seconds(until - from)})`;
	form.elements.from.value = local(from);
	form.elements.until.value = local(until);
}

// By so many of its lengths; a period that reaches the present again is live again.
function move(lengths) {
	const [from, until] = state.period(state.read()), by = (until - from) * lengths;

	state.setPeriod({from: from + by, until: until + by});
}

function stretch(factor) {
	const [from, until] = state.period(state.read()), middle = (from + until) / 2, half = ((until - from) * factor) / 2;

	state.setPeriod({from: middle - half, until: Math.min(middle + half, Date.now() / 1000)});
}

function setUpPeriod() {
	const select = $("#presets");

	select.append(h("option", {value: "", hidden: true}), ...state.presets.map(([value, text]) => h("option", {value}, `last ${text}`)));
	select.addEventListener("change", () => state.setPeriod({last: select.value}));
	$("#back").addEventListener("click", () => move(-0.5));
	$("#forth").addEventListener("click", () => move(0.5));
	$("#out").addEventListener("click", () => stretch(2));
	$("#custom form").addEventListener("submit", (event) => {
		const value = (name) => new Date(event.target.elements[name].value).getTime() / 1000;

		event.preventDefault();
		$("#custom").open = false;
		if (value("until") > value("from"))
			state.setPeriod({from: value("from"), until: value("until")});
	});
}

// ---- theme and keys ----

function setTheme(theme) {
	document.documentElement.dataset.theme = theme;
	redrawAll();
}

function toggleTheme() {
	const dark = (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

	setTheme(dark ? "light" : "dark");
	localStorage.setItem("theme", dark ? "light" : "dark");
}

const goTo = (view) => () => (location.hash = state.viewLink(view));
const keys = {
	m: ["the machine", goTo("machine")],
	e: ["events", goTo("events")],
	c: ["compare", goTo("compare")],
	"/": ["filter", () => $("#filter")?.focus()],
	ArrowLeft: ["earlier", () => move(-0.5)],
	ArrowRight: ["later", () => move(0.5)],
	"-": ["twice as long", () => stretch(2)],
	"+": ["half as long", () => stretch(0.5)],
	l: ["the last hour, live", () => state.setPeriod({last: "1h"})],
	t: ["light or dark", toggleTheme],
	u: ["the container above", () => $(".crumbs a:nth-last-of-type(2)")?.click()],
	"?": ["these keys", () => $("#keys").showModal()],
};

function setUpKeys() {
	const names = {ArrowLeft: "←", ArrowRight: "→"};

	$("#keys").append(h("h2", {}, "Keys"), h("dl", {}, Object.entries(keys).flatMap(([key, [text]]) => [h("dt", {}, h("kbd", {}, names[key] ?? key)), h("dd", {}, text)])),
		h("p", {}, "Drag over a chart to look closer; its link shows others the same."), h("form", {method: "dialog"}, h("button", {}, "Close")));
	document.addEventListener("keydown", (event) => {
		const typing = event.target.matches("input, select, textarea, dialog *");

		if (typing && event.key === "Escape") {
			if (event.target.type === "search") {
				event.target.value = "";
				event.target.dispatchEvent(new Event("input"));
			}
			event.target.blur();
		}
		if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key])
			return;
		event.preventDefault();
		keys[event.key][1]();
	});
	$("#theme").addEventListener("click", toggleTheme);
	$("#help").addEventListener("click", () => $("#keys").showModal());
}

// ---- begin ----

const kept = localStorage.getItem("theme");

if (kept)
	document.documentElement.dataset.theme = kept;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
setUpPeriod();
setUpKeys();
$("#view").append(loading());
window.addEventListener("hashchange", show);
known = askStatus();
show();
watch(onTick, onConnection);
setInterval(() => (connected ? askStatus() : showLive()), 10000);
setInterval(showLive, 2000);
