// SPDX-License-Identifier: GPL-2.0-or-later
// The containers as a tree that can be sorted, filtered and folded, with a line of CPU over the period.

import {h, later, svg} from "./dom.js";
import {containerLink} from "./state.js";
import * as units from "./units.js";

const columns = [
	{key: "cpu", title: "CPU", format: units.cpu},
	{key: "throttled", title: "Throttled", format: units.share, small: true},
	{key: "memory", title: "Memory", format: units.bytes},
	{key: "read", title: "Read", format: units.bytesRate, small: true},
	{key: "written", title: "Written", format: units.bytesRate, small: true},
	{key: "pressure", title: "Waits", format: units.share, small: true},
	{key: "pids", title: "Tasks", format: units.count},
];

// More rows than a window shows at first, and how many are added at a time.
const SCREEN = 40, MORE = 100;

const highest = (values) => (values ?? []).reduce((a, b) => Math.max(a, b ?? 0), 0);

function spark(values, most) {
	const box = svg("svg", {class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true"});
	const n = values.length;
	let path = "", on = false;

	for (let i = 0; i < n; i++) {
		if (values[i] === null) {
			on = false;
			continue;
		}
		path += `${on ? "L" : "M"}${((i / Math.max(1, n - 1)) * 100).toFixed(1)} ${(19 - (values[i] / (most || 1)) * 18).toFixed(1)}`;
		on = true;
	}
	box.append(svg("path", {d: path}));
	return box;
}

export class Tree {
	// folded: those that are closed; it outlives the tree.
	constructor(folded) {
		this.folded = folded;
		this.sort = "cpu";
		this.down = true;
		this.filter = "";
		this.nodes = new Map();
		this.body = h("tbody");
		this.heads = columns.map((c) => this.head(c.key, c.title, c.small));
		this.element = h("table", {class: "tree"},
			h("thead", {}, h("tr", {}, this.head("name", "Container"), h("th", {class: "small"}, "over the period"), ...this.heads)), this.body);
	}

	head(key, title, small) {
		const button = h("button", {onclick: () => this.sortBy(key)}, title);

		return h("th", {"data-key": key, class: `${key === "name" ? "name" : "number"}${small ? " small" : ""}`}, button);
	}

	sortBy(key) {
		this.down = this.sort === key ? !this.down : key !== "name";
		this.sort = key;
		this.draw();
	}

	setFilter(text) {
		this.filter = text.toLowerCase();
		this.draw();
	}

	// rows: [{name, values: {cpu, ...}, spark}]. A line that is known stays, and a container that has one.
	set(rows) {
		const before = this.nodes;

		this.nodes = new Map(rows.map((row) => [row.name, {spark: before.get(row.name)?.spark, ...row, children: [], cells: null}]));
		for (const {name, spark} of before.values())
			if (spark && !this.nodes.has(name))
				this.nodes.set(name, {name, spark, values: {}, gone: true, children: [], cells: null});
		this.tops = [];
		for (const node of this.nodes.values()) {
			const cut = node.name.lastIndexOf("/");
			const above = this.nodes.get(node.name.slice(0, Math.max(0, cut)));

			node.parent = above ?? null;
			(above ? above.children : this.tops).push(node);
		}
		this.draw();
	}

	has(name) {
		return this.nodes.has(name) && !this.nodes.get(name).gone;
	}

	// Lines come after the numbers; of those that are gone there is nothing else.
	setLines(lines) {
		for (const [name, spark] of lines)
			this.nodes.set(name, {...(this.nodes.get(name) ?? {name, values: {}, gone: true}), spark});
		this.set([...this.nodes.values()].filter((node) => !node.gone));
	}

	// New numbers, in place; the order stays until it is asked for or the rows come anew.
	update(of) {
		for (const [name, values] of of) {
			const node = this.nodes.get(name);

			if (!node)
				continue;
			Object.assign(node.values, values);
			if (node.cells)
				this.fill(node);
		}
	}

	fill(node) {
		columns.forEach((c, i) => {
			const text = c.format(node.values[c.key]);

			if (node.cells[i].firstChild.data !== text)
				node.cells[i].firstChild.data = text;
		});
	}

	order(list) {
		const key = this.sort, sign = this.down ? -1 : 1;

		if (key === "name")
			return list.sort((a, b) => sign * a.name.localeCompare(b.name, undefined, {numeric: true}));
		return list.sort((a, b) => sign * ((a.values[key] ?? -1) - (b.values[key] ?? -1)) || a.name.localeCompare(b.name));
	}

	row(node, depth) {
		const open = !this.folded.has(node.name);
		const fold = node.children.length && !this.filter
			? h("button", {class: "fold", "aria-expanded": String(open), "aria-label": open ? "Fold" : "Unfold", onclick: () => this.toggle(node)}, open ? "▾" : "▸")
			: h("span", {class: "fold"});
		const name = this.filter ? node.name : node.name.slice(node.parent ? node.parent.name.length + 1 : 0);

		node.cells = columns.map((c) => h("td", {class: c.small ? "number small" : "number"}, "–"));
		node.element = h("tr", {"data-name": node.name, class: node.gone ? "gone" : null},
			h("td", {class: `name depth${Math.min(depth, 6)}`}, fold, h("a", {href: containerLink(node.name), title: node.name}, name)),
			h("td", {class: "small"}, node.spark ? spark(node.spark, node.children.length ? highest(node.spark) : this.most) : null), ...node.cells);
		this.fill(node);
		return node.element;
	}

	toggle(node) {
		if (!this.folded.delete(node.name))
			this.folded.add(node.name);
		this.draw();
	}

	// rows: [node, depth]. At first those that a window shows, then as many as there were: the page keeps its length.
	show(rows) {
		const first = rows.splice(0, Math.max(SCREEN, this.body.rows.length));

		this.giveUp?.();
		this.body.replaceChildren(...first.map((row) => this.row(...row)));
		if (!first.length)
			this.body.append(h("tr", {}, h("td", {class: "none", colspan: columns.length + 2}, this.filter ? "No container is called so." : "No containers in this period.")));
		this.goOn(rows);
	}

	goOn(rows) {
		this.giveUp = rows.length ? later(() => {
			this.body.append(...rows.splice(0, MORE).map((row) => this.row(...row)));
			this.goOn(rows);
		}) : null;
	}

	draw() {
		const rows = [];
		const walk = (list, depth) => {
			for (const node of this.order(list)) {
				rows.push([node, depth]);
				if (!this.folded.has(node.name))
					walk(node.children, depth + 1);
			}
		};

		// One scale for all that are no sums, so that lines can be compared.
		this.most = Math.max(0.05, ...[...this.nodes.values()].filter((n) => !n.children.length)
			.map((n) => highest(n.spark)));
		for (const node of this.nodes.values())
			node.cells = null;
		if (this.filter)
			rows.push(...this.order([...this.nodes.values()].filter((n) => n.name.toLowerCase().includes(this.filter))).map((node) => [node, 0]));
		else
			walk(this.tops ?? [], 0);
		this.show(rows);
		for (const head of this.element.querySelectorAll("th[data-key]"))
			head.setAttribute("aria-sort", head.dataset.key === this.sort ? (this.down ? "descending" : "ascending") : "none");
	}
}
