// SPDX-License-Identifier: GPL-2.0-or-later
// One container: charts with its limits, what ended in it, by which rules tasks came, its events.

import {ask} from "./api.js";
import {Chart} from "./chart.js";
import {empty, h} from "./dom.js";
import {eventTable} from "./events.js";
import {denied, graphs, network} from "./graphs.js";
import {loadMarks, Panel} from "./panel.js";
import {containerLink, viewLink} from "./state.js";
import * as units from "./units.js";

const delays = [
	["cpu_delay_seconds", "for CPU"], ["block_io_delay_seconds", "for the disk"], ["swap_in_delay_seconds", "for swap"],
	["reclaim_delay_seconds", "for free memory"], ["thrashing_delay_seconds", "thrashing"], ["compaction_delay_seconds", "for large pages"],
	["copy_delay_seconds", "for copies"], ["irq_delay_seconds", "for interrupts"],
];

function crumbs(name) {
	const parts = name === "/" ? [] : name.split("/");
	const links = parts.map((part, i) => h("a", {href: containerLink(parts.slice(0, i + 1).join("/"))}, part));

	return h("h1", {class: "crumbs"}, h("a", {href: viewLink("machine")}, "machine"), links.flatMap((link) => [" / ", link]));
}

const limitTexts = [
	["cpu_max", "CPU", units.cpu], ["memory_max", "Memory", units.bytes], ["memory_high", "Memory, slowed down from", units.bytes],
	["memory_low", "Memory that it keeps", units.bytes], ["swap_max", "Swap", units.bytes], ["pids_max", "Tasks", units.count],
];

function limitTable(name, limits) {
	const rows = limitTexts.map(([key, title, format]) => {
		const limit = limits.find((l) => l.limit === key);
		const by = limit?.imposed_by;

		return h("tr", {}, h("td", {}, title), h("td", {class: "number"}, limit?.own === null ? "–" : format(limit?.own)),
			h("td", {class: "number"}, limit?.effective === null ? "no limit" : format(limit?.effective)),
			h("td", {}, !by ? "" : by === name ? "itself" : h("a", {href: containerLink(by)}, by === "/" ? "root group" : by)));
	});

	return h("table", {class: "list"}, h("thead", {}, h("tr", {}, h("th", {}, "Limit"), h("th", {class: "number"}, "own"), h("th", {class: "number"}, "in force"), h("th", {}, "set by"))), h("tbody", {}, rows));
}

function exitTable(exits) {
	if (!exits.length)
		return h("p", {class: "none"}, "No task ended here in this period.");
	const rows = exits.map((e) => h("tr", {}, h("td", {class: "long"}, e.executable), h("td", {class: "number"}, units.count(e.exits)),
		h("td", {class: e.failed ? "number bad" : "number"}, units.count(e.failed)),
		h("td", {class: "number"}, units.seconds(e.cpu_user_seconds + e.cpu_system_seconds)), h("td", {class: "number"}, units.bytes(e.rss_peak_bytes))));

	return h("table", {class: "list"}, h("thead", {}, h("tr", {}, h("th", {}, "Executable"), h("th", {class: "number"}, "ended"), h("th", {class: "number"}, "failed"),
		h("th", {class: "number"}, "CPU time"), h("th", {class: "number"}, "memory of one"))), h("tbody", {}, rows));
}

function ruleTable(rules) {
	if (!rules.length)
		return h("p", {class: "none"}, "No rule moved a task here in this period.");
	return h("table", {class: "list"}, h("thead", {}, h("tr", {}, h("th", {}, "Rule"), h("th", {class: "number"}, "tasks moved"), h("th", {class: "number"}, "last"))),
		h("tbody", {}, rules.map((r) => h("tr", {}, h("td", {}, r.rule), h("td", {class: "number"}, units.count(r.hits)), h("td", {class: "number"}, units.moment(r.last))))));
}

const deviceKeys = [["io_read_bytes", "read"], ["io_written_bytes", "written"]];
const deviceName = (row) => row.name || row.device;

// Lines of the busiest devices, in a second, for steps from FROM on until UNTIL, which may lie within the last
// one. A device that did nothing in a step has no row, and no other one a gap.
function deviceLines(answer, step, from, until) {
	const rows = answer.filter((row) => row.time >= from), all = new Map(), lines = [];
	const length = rows.length ? Math.ceil((Math.max(until, rows.at(-1).time + step / 2) - rows[0].time) / step - 0.001) : 0;
	const times = Array.from({length}, (_, i) => rows[0].time + i * step);
	const end = (time) => (time < until && until < time + step ? until : time + step);

	for (const row of rows)
		all.set(deviceName(row), [...(all.get(deviceName(row)) ?? []), row]);
	const sum = (list) => list.reduce((n, row) => n + row.io_read_bytes + row.io_written_bytes, 0);
	for (const [name, list] of [...all].sort((a, b) => sum(b[1]) - sum(a[1])).slice(0, 4))
		for (const [key, what] of deviceKeys) {
			const values = times.map(() => 0);

			list.forEach((row) => (values[(row.time - times[0]) / step] += row[key] / (end(row.time) - row.time)));
			lines.push({name, key, label: `${name} ${what}`, values, dash: what === "read" ? [3, 3] : undefined, colour: lines.length >> 1});
		}
	return {times: times.map(end), lines};
}

const card = (title, content) => h("section", {class: "card"}, h("h3", {}, title), content);

export class Container {
	constructor(state) {
		this.name = state.container;
		this.panel = new Panel(this.name, graphs);
		this.more = h("div", {class: "charts"});
		this.lists = h("div", {class: "cards"});
		this.element = h("div", {}, crumbs(this.name), this.panel.element, this.more, this.lists);
		this.extra = [];
	}

	// All that it asks, it asks at once, and each chart is drawn when there is all that belongs into it.
	async load(context) {
		const [from, until] = context.window();
		const one = {container: this.name, ...context.period()}, all = {...one, below: 1};
		const step = Math.max(60, Math.ceil((until - from) / 150));
		// Whole minutes, which is what older rows are of.
		const fine = until - from <= 3000 ? 10 : Math.ceil((until - from) / 300 / 60) * 60;
		const net = new Panel(this.name, [network, denied]);
		const parts = await Promise.allSettled([context.newest(), ask("limits", one, context.signal), loadMarks(context, {container: this.name, below: 1}),
			ask("exits", {...all, limit: 15}, context.signal), ask("exits", {...all, by: "time", step, limit: 1000}, context.signal),
			ask("rules", all, context.signal), ask("devices", {...one, step: fine}, context.signal), this.panel.ask(context, [...graphs, network, denied])]);
		const failed = parts.find((p) => p.status === "rejected");

		this.extra.push(net);
		if (failed && /no container/.test(failed.reason.message)) {
			this.element.replaceChildren(crumbs(this.name), empty("There is no such container in the record", "It may have another name, or what was kept of it is older than is kept."));
			return;
		}
		if (failed)
			throw failed.reason;
		const [newest, limits, events, exits, over, rules, devices, series] = parts.map((p) => p.value);

		this.events = events;
		this.panel.setLimits(limits.limits);
		this.panel.setEvents(events);
		this.panel.fill(series, context.window());
		net.setEvents(events);
		net.fill(series, context.window());
		this.lists.replaceChildren(card("Limits", limitTable(this.name, limits.limits)), card("Tasks that ended, by executable", exitTable(exits.exits)),
			card("Rules", ruleTable(rules.rules)), card("Events", eventTable(events.slice(-15).reverse(), this.name)));
		this.more.replaceChildren();
		this.addDevices(devices.devices, fine, from, Math.min(until, newest), context.window());
		this.addDelays(over.exits, step, context.window());
		if (net.charts.some((chart) => chart.data.slice(1).some((list) => list.some((v) => v !== null))))
			this.more.append(...net.charts.map((chart) => chart.element));
	}

	// With no line to begin with, the first tick in which a device does anything makes them.
	addDevices(rows, step, from, until, window) {
		const {times, lines} = deviceLines(rows, step, from, until);

		if (!lines.length)
			return;
		this.devices = new Chart({title: "IO by device", format: units.bytesRate, binary: true, lines});
		this.addChart(this.devices, [times, ...lines.map((line) => line.values)], window);
	}

	// A device of which nothing is told did nothing.
	tickDevices(frame, window) {
		const mine = (frame.devices ?? []).filter((row) => row.container === this.name);
		const value = (line) => mine.reduce((sum, row) => sum + (deviceName(row) === line.name ? row[line.key] / row.period : 0), 0);

		if (!this.devices && mine.length)
			this.addDevices(mine.map((row) => ({...row, time: frame.time - row.period})), mine[0].period, 0, frame.time, window);
		else
			this.devices?.add(frame.time, this.devices.spec.lines.map(value), window);
	}

	addChart(chart, data, window) {
		this.more.append(chart.element);
		chart.set(data, window);
		chart.setEvents(this.events);
		this.extra.push(chart);
	}

	// Where tasks that ended had waited: what a sample does not see.
	addDelays(rows, step, window) {
		const kinds = delays.filter(([key]) => rows.some((row) => row[key] > 0));
		const chart = new Chart({title: "Delays", note: "that tasks had when they ended", format: units.seconds, bars: true, lines: kinds.map(([, label]) => ({label, fill: true}))});

		if (!kinds.length)
			return;
		this.addChart(chart, [rows.map((row) => row.time + step), ...kinds.map(([key]) => rows.map((row) => row[key]))], window);
	}

	tick(frame, values, window) {
		const mine = frame.events.filter((e) => e.container === this.name || this.name === "/" || e.container.startsWith(this.name + "/"));

		this.panel.tick(frame.time, values, window);
		this.tickDevices(frame, window);
		if (mine.length && this.events) {
			this.events.push(...mine.reverse());
			this.panel.setEvents(this.events);
		}
	}

	destroy() {
		this.panel.destroy();
		this.extra.forEach((part) => part.destroy());
	}
}
