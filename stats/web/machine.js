// SPDX-License-Identifier: GPL-2.0-or-later
// The machine: the charts of all containers together, and the tree of them.

import {ask} from "./api.js";
import {empty, h} from "./dom.js";
import {graphs} from "./graphs.js";
import {loadMarks, Panel} from "./panel.js";
import {column, mean, newest, table, tickValues} from "./series.js";
import {Tree} from "./tree.js";
import * as units from "./units.js";

const folded = new Set();

// Columns of the tree by metric, as ticks have them.
const numbers = {
	cpu: "cpu_seconds:rate", throttled: "throttled_seconds:rate", memory: "memory_bytes", read: "io_read_bytes:rate",
	written: "io_written_bytes:rate", pressure: "cpu_pressure_some_seconds:rate", pids: "pids",
};

// Steps that the older tiers have ready: few points, for there are many lines.
function coarse(seconds) {
	return seconds <= 3 * 3600 ? 60 : seconds <= 9 * 3600 ? 600 : seconds <= 3 * 86400 ? 3600 : seconds <= 40 * 86400 ? 21600 : 86400 * 3;
}

export class Machine {
	constructor(state) {
		this.state = state;
		this.panel = new Panel("/", graphs.slice(0, 4));
		this.tree = new Tree(folded);
		this.tiles = h("div", {class: "tiles"});
		this.filter = h("input", {type: "search", id: "filter", placeholder: "Filter (/)", "aria-label": "Filter containers", oninput: () => this.tree.setFilter(this.filter.value)});
		this.element = h("div", {}, this.tiles, this.panel.element, h("div", {class: "bar"}, h("h2", {}, "Containers"), this.filter), this.tree.element);
	}

	// What goes on is shown by what is newest, which is there at once; a period that is past by its averages.
	async load(context) {
		const live = Boolean(this.state.last);

		this.context = context;
		const [filled] = await Promise.all([live ? this.loadNow(context) : this.loadPast(context), this.panel.load(context)]);

		if (!filled && this.panel.isEmpty()) {
			this.element.replaceChildren(empty("Nothing was recorded in this period", "Choose another one above; ← and → go back and forth."));
			return;
		}
		loadMarks(context, {container: "/", below: 1}).then((events) => this.panel.setEvents(events), () => {});
		if (live)
			this.loadLines(context).catch(() => {});
	}

	ask(context, metrics) {
		const [from, until] = context.window();

		return ask("series", {metric: metrics.join(","), step: `${coarse(until - from)}s`, match: "*", ...context.period()}, context.signal);
	}

	async loadNow(context) {
		const values = tickValues(await ask("now", {}, context.signal));

		this.fill([...values].map(([name, of]) => ({name, values: this.numbersOf((metric) => of(metric))})));
		return values.size > 0;
	}

	// Of a container, the averages of the period, but for what it has: there the newest counts.
	async loadPast(context) {
		const data = table(await this.ask(context, Object.values(numbers)));
		const of = (lists) => (metric) => (metric.endsWith(":rate") ? mean(lists.get(column(metric))) : newest(lists.get(column(metric))));

		this.fill([...data.of].map(([name, lists]) => ({name, values: this.numbersOf(of(lists)), spark: lists.get("cpu_seconds_rate")})));
		return data.of.size > 0;
	}

	// The lines over the period; those that have gone meanwhile have nothing else.
	async loadLines(context) {
		const data = table(await this.ask(context, [numbers.cpu]));

		data.of.delete("/");
		this.tree.setLines(new Map([...data.of].map(([name, lists]) => [name, lists.get("cpu_seconds_rate")])));
	}

	numbersOf(value) {
		return Object.fromEntries(Object.entries(numbers).map(([key, metric]) => [key, value(metric) ?? null]));
	}

	fill(rows) {
		this.values = rows.find((row) => row.name === "/")?.values;
		this.tree.set(rows.filter((row) => row.name !== "/"));
		this.n = this.tree.nodes.size;
		this.fillTiles();
	}

	fillTiles() {
		const v = this.values ?? {};
		const tile = (label, text) => h("div", {class: "tile"}, h("span", {}, label), h("strong", {}, text));

		this.tiles.replaceChildren(tile("CPU", units.cpu(v.cpu)), tile("Memory", units.bytes(v.memory)), tile("Read", units.bytesRate(v.read)),
			tile("Written", units.bytesRate(v.written)), tile("Tasks", units.count(v.pids)), tile("Containers", units.count(this.n)));
	}

	tick(frame, values, window) {
		const changes = new Map();

		for (const [name, of] of values) {
			const now = {};

			for (const [key, metric] of Object.entries(numbers)) {
				const value = of(metric);

				if (value !== undefined)
					now[key] = value;
			}
			changes.set(name, now);
		}
		this.panel.tick(frame.time, values, window);
		if (frame.events.some((e) => e.event === "removed") || [...changes.keys()].some((name) => name !== "/" && !this.tree.has(name)))
			this.loadNow(this.context).catch(() => {});
		this.tree.update(changes);
		Object.assign(this.values ?? {}, changes.get("/") ?? {});
		this.fillTiles();
	}

	destroy() {
		this.panel.destroy();
	}
}
