// SPDX-License-Identifier: GPL-2.0-or-later
// The charts of one container, and how they get their data: by question, and then by ticks.

import {ask} from "./api.js";
import {Chart} from "./chart.js";
import {h} from "./dom.js";
import {limitNames, metricsOf} from "./graphs.js";
import {column, table} from "./series.js";

export class Panel {
	constructor(container, list) {
		this.container = container;
		this.list = list;
		this.charts = list.map((graph) => new Chart(graph));
		this.element = h("div", {class: "charts"}, this.charts.map((chart) => chart.element));
		this.held = new Map();
	}

	async load(context) {
		this.fill(await this.ask(context), context.window());
	}

	// Also for a panel that is filled from the same answer.
	async ask(context, list = this.list) {
		return table(await ask("series", {container: this.container, metric: metricsOf(list), ...context.period()}, context.signal));
	}

	// Some of the metrics may never have been known, and their lines are empty.
	fill(data, window) {
		const of = data.of.get(this.container);

		this.charts.forEach((chart, i) => {
			const lists = this.list[i].lines.map((line) => [...(of?.get(column(line.metric)) ?? data.times.map(() => null))]);

			lists.forEach((list, k) => this.held.set(this.list[i].lines[k].metric, list.findLast((v) => v !== null) ?? null));
			chart.set([[...data.times], ...lists], window);
		});
		return Boolean(of);
	}

	isEmpty() {
		return this.charts.every((chart) => !chart.data?.[0].length);
	}

	// A gauge that nothing is told of stands; a counter has not moved.
	tick(time, values, window) {
		const of = values.get(this.container);

		this.charts.forEach((chart, i) => {
			const now = this.list[i].lines.map(({metric}) => {
				const value = of ? of(metric) : metric.endsWith(":rate") ? 0 : this.held.get(metric);

				if (value !== undefined)
					this.held.set(metric, value);
				return value;
			});

			chart.add(time, now, window);
		});
	}

	setLimits(limits) {
		this.list.forEach((graph, i) => {
			const lines = limits.filter((l) => graph.limits.includes(l.limit) && l.effective !== null).map((l) => ({
				value: l.effective,
				hard: l.limit.endsWith("_max"),
				label: limitNames[l.limit] + (l.imposed_by !== this.container ? ` (${l.imposed_by === "/" ? "root group" : l.imposed_by})` : ""),
			}));

			this.charts[i].setLimits(lines);
		});
	}

	setEvents(events) {
		this.charts.forEach((chart) => chart.setEvents(events));
	}

	destroy() {
		this.charts.forEach((chart) => chart.destroy());
	}
}

// Newest first is how they are told; marks are drawn from left to right.
export async function loadMarks(context, args) {
	const answer = await ask("events", {...args, ...context.period(), limit: 1000}, context.signal);

	return answer.events.reverse();
}
