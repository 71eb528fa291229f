// SPDX-License-Identifier: GPL-2.0-or-later
// What happened: how much of each kind over time, and one by one.

import {ask} from "./api.js";
import {Chart, kinds} from "./chart.js";
import {h} from "./dom.js";
import {containerLink, setArguments} from "./state.js";
import * as units from "./units.js";

// What a detail adds to its event, without what stands beside it anyway.
function summary(detail) {
	if (typeof detail !== "object" || detail === null)
		return String(detail ?? "");
	return Object.entries(detail).filter(([key, value]) => !["event", "container", "to", "action", "outcome", "time", "pid", "seq"].includes(key) && value !== null && typeof value !== "object")
		.map(([key, value]) => `${key} ${value}`).join(", ");
}

export function eventTable(events, without) {
	if (!events.length)
		return h("p", {class: "none"}, "Nothing happened in this period.");
	return h("table", {class: "list events"}, h("thead", {}, h("tr", {}, h("th", {}, "When"), h("th", {}, "What"), h("th", {}, "Container"), h("th", {class: "small"}, "Details"))),
		h("tbody", {}, events.map((e) => h("tr", {}, h("td", {class: "time"}, units.moment(e.time)),
			h("td", {}, h("span", {class: `kind kind-${e.event}`}, e.event), e.action !== e.event ? ` ${e.action}` : ""),
			h("td", {}, e.container && e.container !== without ? h("a", {href: containerLink(e.container)}, e.container === "/" ? "root group" : e.container) : ""),
			h("td", {class: "small long", title: JSON.stringify(e.detail)}, summary(e.detail))))));
}

export class Events {
	constructor(state) {
		const kind = state.args.get("event") ?? "";

		this.args = {...(kind && {event: kind}), ...(state.args.get("container") && {container: state.args.get("container"), below: 1})};
		this.kind = h("select", {"aria-label": "Kind", onchange: () => setArguments({event: this.kind.value})},
			h("option", {value: ""}, "all kinds"), kinds.map((k) => h("option", {value: k, selected: k === kind}, k)));
		this.where = h("input", {type: "search", id: "filter", placeholder: "Container (/)", "aria-label": "Container", value: state.args.get("container") ?? "",
			onchange: () => setArguments({container: this.where.value})});
		this.chart = new Chart({title: "Events", height: 200, bars: true, format: units.count, lines: kinds.map((k, i) => ({label: k, colour: i, fill: true}))});
		this.list = h("div");
		this.more = h("button", {class: "more", onclick: () => this.older()}, "Older ones");
		this.element = h("div", {}, h("div", {class: "bar"}, h("h1", {}, "Events"), this.kind, this.where), h("div", {class: "charts wide"}, this.chart.element), this.list, this.more);
	}

	async load(context) {
		const [from, until] = context.window();
		const step = Math.max(1, Math.ceil((until - from) / 120));
		const [counts, page] = await Promise.all([ask("events/counts", {...this.args, ...context.period(), step}, context.signal),
			ask("events", {...this.args, ...context.period(), limit: 200}, context.signal)]);

		this.context = context;
		this.fillChart(counts.counts, step, context.window());
		this.events = page.events;
		this.fillList(page.more);
	}

	fillChart(counts, step, window) {
		const times = [...new Set(counts.map((c) => c.time))];
		const at = new Map(times.map((t, i) => [t, i]));
		const lists = kinds.map(() => times.map(() => null));

		for (const c of counts) {
			const kind = kinds.indexOf(c.event);

			if (kind >= 0)
				lists[kind][at.get(c.time)] = (lists[kind][at.get(c.time)] ?? 0) + c.count;
		}
		this.chart.set([times.map((t) => t + step), ...lists], window);
	}

	fillList(more) {
		this.list.replaceChildren(eventTable(this.events));
		this.more.hidden = !more;
	}

	async older() {
		const page = await ask("events", {...this.args, ...this.context.period(), limit: 200, after: this.events.at(-1).cursor});

		this.events.push(...page.events);
		this.fillList(page.more);
	}

	tick(frame) {
		const fits = frame.events.filter((e) => (!this.args.event || e.event === this.args.event) &&
			(!this.args.container || e.container === this.args.container || e.container.startsWith(this.args.container + "/")));

		if (!fits.length || !this.events)
			return;
		this.events.unshift(...fits);
		this.fillList(!this.more.hidden);
	}

	destroy() {
		this.chart.destroy();
	}
}
