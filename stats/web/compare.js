// SPDX-License-Identifier: GPL-2.0-or-later
// Up to eight containers side by side: a line of each in every chart.

import {ask} from "./api.js";
import {Chart, colour} from "./chart.js";
import {empty, h} from "./dom.js";
import {column, table} from "./series.js";
import {containerLink, setArguments} from "./state.js";
import * as units from "./units.js";

const MOST = 8;
const compared = [
	["CPU", "cpu_seconds:rate", units.cpu], ["Memory", "memory_bytes", units.bytes, true], ["Throttled", "throttled_seconds:rate", units.share],
	["Waits for CPU", "cpu_pressure_some_seconds:rate", units.share], ["Read", "io_read_bytes:rate", units.bytesRate, true],
	["Written", "io_written_bytes:rate", units.bytesRate, true], ["Tasks", "pids", units.count],
];

export class Compare {
	constructor(state) {
		this.names = [...new Set(state.args.getAll("c"))].slice(0, MOST);
		this.input = h("input", {list: "containers", id: "filter", placeholder: "Add a container (/)", "aria-label": "Add a container", disabled: this.names.length === MOST,
			onchange: () => this.input.value && setArguments({c: [...this.names, this.input.value]})});
		this.known = h("datalist", {id: "containers"});
		this.chips = h("div", {class: "chips"}, this.names.map((name, i) => {
			const mark = h("i");

			mark.style.background = colour(i);
			return h("span", {class: "chip"}, mark, h("a", {href: containerLink(name)}, name),
				h("button", {"aria-label": `Without ${name}`, onclick: () => setArguments({c: this.names.filter((n) => n !== name)})}, "×"));
		}));
		this.charts = compared.map(([title, , format, binary]) => new Chart({title, format, binary, lines: this.names.map((label) => ({label}))}));
		this.element = h("div", {}, h("div", {class: "bar"}, h("h1", {}, "Compare"), this.chips, this.input, this.known),
			this.names.length ? h("div", {class: "charts"}, this.charts.map((c) => c.element))
				: empty("Nothing to compare yet", "Add up to eight containers; the link to this page keeps them."));
		this.held = new Map();
	}

	async load(context) {
		const metric = compared.map(([, m]) => m).join(",");
		const [list, answer] = await Promise.all([ask("containers", {...context.period(), limit: 5000}, context.signal),
			this.names.length ? ask("series", {container: this.names, metric, ...context.period()}, context.signal) : null]);

		if (answer)
			this.fill(table(answer), context.window());
		this.known.replaceChildren(...list.containers.map((c) => h("option", {value: c.container})));
	}

	fill(data, window) {
		this.charts.forEach((chart, i) => {
			const metric = compared[i][1];

			chart.set([[...data.times], ...this.names.map((name) => {
				const list = [...(data.of.get(name)?.get(column(metric)) ?? data.times.map(() => null))];

				this.held.set(name + metric, list.findLast((v) => v !== null) ?? null);
				return list;
			})], window);
		});
	}

	tick(frame, values, window) {
		this.charts.forEach((chart, i) => {
			const metric = compared[i][1];

			chart.add(frame.time, this.names.map((name) => {
				const of = values.get(name);
				const value = of ? of(metric) : metric.endsWith(":rate") ? 0 : this.held.get(name + metric);

				this.held.set(name + metric, value ?? null);
				return value;
			}), window);
		});
	}

	destroy() {
		this.charts.forEach((chart) => chart.destroy());
	}
}
