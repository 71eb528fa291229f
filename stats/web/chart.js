// SPDX-License-Identifier: GPL-2.0-or-later
// A chart: lines over time, limits across it, events as marks, and a cursor that all charts share.

/* global uPlot */
import {forgetTheme, h, later, themed} from "./dom.js";
import * as state from "./state.js";
import * as units from "./units.js";

const charts = new Set();
const sync = () => uPlot.sync("all");

// Colours of the theme, by number; c(0) is that of the main line.
export const colour = (i) => themed(`--c${i % 9}`);

// Kinds of events and the colours of their marks; others are drawn faintly.
export const kinds = ["oom", "limit", "penalty", "reload", "loss", "gate", "created", "removed", "decision"];
export const kindColour = (kind) => themed(`--event-${kind}`) || themed("--faint");
const drawn = new Set(["oom", "limit", "penalty", "reload", "loss"]);

function drawMarks(u, events) {
	const {ctx, bbox} = u;
	let last = -10;

	ctx.save();
	ctx.lineWidth = devicePixelRatio;
	for (const event of events) {
		const x = Math.round(u.valToPos(event.time, "x", true));

		if (!drawn.has(event.event) || x < bbox.left || x > bbox.left + bbox.width || x - last < 2)
			continue;
		last = x;
		ctx.strokeStyle = ctx.fillStyle = kindColour(event.event);
		ctx.globalAlpha = 0.35;
		ctx.beginPath();
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
		ctx.stroke();
		ctx.globalAlpha = 1;
		ctx.beginPath();
		ctx.arc(x, bbox.top, 3 * devicePixelRatio, 0, 7);
		ctx.fill();
	}
	ctx.restore();
}

function drawLimits(u, limits, format) {
	const {ctx, bbox} = u;

	ctx.save();
	ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
	ctx.textAlign = "right";
	// The heading names all of them; here, one where two would lie over each other.
	let last = -Infinity;
	for (const limit of [...limits].sort((a, b) => b.value - a.value)) {
		const y = Math.round(u.valToPos(limit.value, "y", true)) + 0.5;

		if (y < bbox.top - 1 || y > bbox.top + bbox.height)
			continue;
		ctx.strokeStyle = ctx.fillStyle = themed(limit.hard ? "--bad" : "--faint");
		ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
		ctx.beginPath();
		ctx.moveTo(bbox.left, y);
		ctx.lineTo(bbox.left + bbox.width, y);
		ctx.stroke();
		if (y - last < 14 * devicePixelRatio)
			continue;
		last = y;
		ctx.fillText(`${limit.label} ${format(limit.value)}`, bbox.left + bbox.width - 4 * devicePixelRatio,
			y + (y < bbox.top + 16 * devicePixelRatio ? 12 : -4) * devicePixelRatio);
	}
	ctx.restore();
}

// Zero at the bottom; a limit is in sight where the lines come near it.
function range(limits) {
	return (u, low, high) => {
		let top = high > 0 ? high * 1.08 : 1;

		for (const limit of limits)
			if (limit.value > top && high > limit.value / 3)
				top = limit.value * 1.05;
		return [0, top];
	};
}

// Hours as they are said nearly everywhere; days where the period has some.
function timeTicks(u, ticks, i, space, step) {
	return ticks.map((t) => (step >= 86400 ? units.day(t).slice(5) : step < 60 ? units.clock(t) : units.clock(t).slice(0, 5) === "00:00" ? units.day(t).slice(5) : units.clock(t).slice(0, 5)));
}

// Whole KiB, MiB, ... rather than whole thousands.
const binary = Array.from({length: 46}, (_, i) => 2 ** i);

const axis = () => ({
	stroke: () => themed("--faint"),
	grid: {stroke: () => themed("--grid"), width: 1},
	ticks: {show: false},
	font: "11px system-ui, sans-serif",
});

function lines(spec) {
	return spec.lines.map((line, i) => ({
		label: line.label,
		stroke: () => colour(line.colour ?? i),
		fill: line.fill ? () => colour(line.colour ?? i) + (spec.bars ? "aa" : "22") : undefined,
		width: spec.bars ? 0 : 1.5,
		dash: line.dash,
		spanGaps: false,
		points: {show: false},
		paths: spec.bars ? uPlot.paths.bars({size: [0.9, 24], align: -1}) : undefined,
		value: (u, v) => spec.format(v),
	}));
}

function options(chart, spec, width) {
	return {
		width,
		height: spec.height ?? 190,
		legend: {live: true, markers: {width: 0, fill: (u, i) => (i ? colour(spec.lines[i - 1].colour ?? i - 1) : null)}},
		cursor: {sync: {key: "all", setSeries: false}, drag: {x: true, y: false, setScale: false}, points: {size: 6}},
		scales: {x: {time: true, range: () => chart.window}, y: {range: range(chart.limits)}},
		axes: [{...axis(), size: 32, values: timeTicks}, {...axis(), size: 74, values: (u, ticks) => ticks.map(spec.format), ...(spec.binary && {incrs: binary})}],
		series: [{label: "", value: (u, t) => (t === null ? "" : units.moment(t))}, ...lines(spec)],
		hooks: {
			drawClear: [(u) => drawMarks(u, chart.events)],
			draw: [(u) => drawLimits(u, chart.limits, spec.format)],
			setSelect: [(u) => {
				if (u.select.width > 3)
					state.setPeriod({from: u.posToVal(u.select.left, "x"), until: u.posToVal(u.select.left + u.select.width, "x")});
			}],
		},
	};
}

// spec: {title, note, format, lines: [{label, column, metric, ...}], height, bars}. The chart is there
// when its data is.
export class Chart {
	constructor(spec) {
		this.spec = spec;
		this.limits = [];
		this.events = [];
		this.window = [0, 1];
		this.box = h("div", {class: "plot"});
		this.told = h("small", {});
		this.element = h("section", {class: "chart", "data-chart": spec.title},
			h("h3", {}, spec.title, spec.note ? h("small", {}, spec.note) : null, this.told), this.box);
		// The page makes room for others, or has another width. It is told, not asked: a question makes the
		// browser lay out the whole page at once, for each chart again.
		this.room = new ResizeObserver(([box]) => this.fit(Math.floor(box.contentRect.width)));
		this.room.observe(this.box);
		this.sight = new IntersectionObserver(([box]) => this.see(box.isIntersecting));
		this.sight.observe(this.box);
	}

	see(is) {
		this.seen = is;
		this.begin();
	}

	fit(width) {
		this.width = width;
		this.begin();
		if (this.plot && this.plot.width !== width && width)
			this.plot.setSize({width, height: this.plot.height});
	}

	// Data as uPlot has it: times, then a list for each line.
	set(data, window) {
		this.data = data;
		this.window = window;
		if (this.plot)
			this.plot.setData(data);
		else
			this.begin();
	}

	// When all is known that it takes; what is out of sight comes after what is not.
	begin() {
		if (this.plot || !this.data || !this.width || this.seen === undefined)
			return;
		if (this.seen)
			this.draw();
		else
			later(() => this.draw());
	}

	draw() {
		if (this.plot || !this.data)
			return;
		this.plot = new uPlot(options(this, this.spec, this.width), this.data, this.box);
		sync().sub(this.plot);
		charts.add(this);
	}

	// A tick: values of the lines at TIME; what is older than the window goes.
	add(time, values, window) {
		const data = this.data;

		if (!data || data[0].at(-1) >= time)
			return;
		data[0].push(time);
		values.forEach((value, i) => data[i + 1].push(value ?? null));
		const old = data[0].findIndex((t) => t >= window[0]);
		if (old > 50)
			data.forEach((list) => list.splice(0, old));
		this.window = window;
		this.plot?.setData(data);
	}

	setLimits(limits) {
		this.limits.splice(0, this.limits.length, ...limits);
		this.told.textContent = limits.map((limit) => `${limit.label} ${this.spec.format(limit.value)}`).join(", ");
		this.plot?.setData(this.data);
	}

	setEvents(events) {
		this.events = events;
		this.plot?.redraw(false);
	}

	destroy() {
		this.room.disconnect();
		this.sight.disconnect();
		this.data = null;
		if (this.plot) {
			sync().unsub(this.plot);
			this.plot.destroy();
		}
		this.plot = null;
		charts.delete(this);
	}
}

// After another theme.
export function redrawAll() {
	forgetTheme();
	for (const chart of charts) {
		chart.plot?.redraw(true, true);
		chart.plot?.root.querySelectorAll(".u-legend .u-marker").forEach((marker, i) => {
			if (i)
				marker.style.background = colour(chart.spec.lines[i - 1].colour ?? i - 1);
		});
	}
}
