// SPDX-License-Identifier: GPL-2.0-or-later
// The charts of a container, as a table: what each shows, and in what unit.

import * as units from "./units.js";

export const graphs = [
	{
		key: "cpu", title: "CPU", format: units.cpu, limits: ["cpu_max"],
		lines: [
			{label: "all", metric: "cpu_seconds:rate", fill: true},
			{label: "system", metric: "cpu_system_seconds:rate", colour: 1},
			{label: "throttled", metric: "throttled_seconds:rate", colour: 3},
		],
	},
	{
		key: "memory", title: "Memory", format: units.bytes, binary: true, limits: ["memory_low", "memory_high", "memory_max"],
		lines: [
			{label: "all", metric: "memory_bytes", fill: true},
			{label: "of programs", metric: "memory_anon_bytes", colour: 1},
			{label: "of files", metric: "memory_file_bytes", colour: 2},
			{label: "swap", metric: "swap_bytes", colour: 3},
		],
	},
	{
		key: "pressure", title: "Pressure", note: "part of the time in which tasks had to wait", format: units.share, limits: [],
		lines: [
			{label: "for CPU", metric: "cpu_pressure_some_seconds:rate"},
			{label: "for memory", metric: "memory_pressure_some_seconds:rate", colour: 3},
			{label: "for IO", metric: "io_pressure_some_seconds:rate", colour: 2},
			{label: "all for memory", metric: "memory_pressure_full_seconds:rate", colour: 3, dash: [3, 3]},
			{label: "all for IO", metric: "io_pressure_full_seconds:rate", colour: 2, dash: [3, 3]},
		],
	},
	{
		key: "io", title: "IO", note: "of all devices", format: units.bytesRate, binary: true, limits: [],
		lines: [
			{label: "read", metric: "io_read_bytes:rate", fill: true},
			{label: "written", metric: "io_written_bytes:rate", colour: 1, fill: true},
		],
	},
	{
		key: "pids", title: "Tasks", format: units.count, limits: ["pids_max"],
		lines: [{label: "tasks", metric: "pids", fill: true}],
	},
	{
		key: "requests", title: "IO requests", format: units.countRate, limits: [],
		lines: [
			{label: "reads", metric: "io_reads:rate"},
			{label: "writes", metric: "io_writes:rate", colour: 1},
		],
	},
];

// Only of containers with keys net.*.
export const network = {
	key: "network", title: "Network", format: units.bytesRate, binary: true, limits: [],
	lines: [
		{label: "sent", metric: "net_sent_bytes:rate", fill: true},
		{label: "dropped", metric: "net_dropped_bytes:rate", colour: 3},
	],
};
export const denied = {
	key: "denied", title: "Network: what was denied", format: units.countRate, limits: [],
	lines: [
		{label: "connect", metric: "net_connect_denied:rate"},
		{label: "bind", metric: "net_bind_denied:rate", colour: 1},
		{label: "accept", metric: "net_accept_denied:rate", colour: 2},
	],
};

export const metricsOf = (list) => list.flatMap((graph) => graph.lines.map((line) => line.metric)).join(",");

// What limits are called in a chart; the lowest of all above is the one that holds.
export const limitNames = {
	cpu_max: "limit", memory_low: "soft", memory_high: "high", memory_max: "limit", pids_max: "limit",
};
