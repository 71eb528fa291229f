// SPDX-License-Identifier: GPL-2.0-or-later
// Questions to the server, and what it tells by itself.

import {$} from "./dom.js";

let asking = null; // the login that is on

async function logIn() {
	const dialog = $("#login"), form = dialog.querySelector("form"), wrong = dialog.querySelector(".wrong");

	for (wrong.hidden = true; ; wrong.hidden = false) {
		dialog.showModal();
		await new Promise((resolve) => dialog.addEventListener("close", resolve, {once: true}));
		const answer = await fetch("/api/v1/login", {
			method: "POST",
			headers: {Authorization: `Bearer ${form.elements.token.value}`},
		});
		form.reset();
		if (answer.ok)
			return;
	}
}

// ask("series", {metric: ["a", "b"], last: "1h"}): the answer, or an Error with what the server said.
export async function ask(question, args = {}, signal) {
	const query = new URLSearchParams();

	for (const [name, values] of Object.entries(args))
		[].concat(values).forEach((value) => query.append(name, value));
	const answer = await fetch(`/api/v1/${question}?${query}`, {signal});

	if (answer.status === 401) {
		asking ??= logIn().finally(() => (asking = null));
		await asking;
		return ask(question, args, signal);
	}
	if (answer.ok)
		return answer.json();
	const said = await answer.json().catch(() => null);
	throw new Error(said?.error ?? `the server answered ${answer.status}`);
}

export const isAborted = (error) => error.name === "AbortError";

// Each tick as it comes; told(true) when there is a connection, told(false) when there is none. The
// browser connects again by itself, unless it was refused.
export function watch(tick, told) {
	let source, again;

	const connect = () => {
		source = new EventSource("/api/v1/live");
		source.addEventListener("open", () => told(true));
		source.addEventListener("tick", (event) => tick(JSON.parse(event.data)));
		source.addEventListener("error", () => {
			told(false);
			if (source.readyState === EventSource.CLOSED)
				again = setTimeout(connect, 2000);
		});
	};

	connect();
	return () => {
		clearTimeout(again);
		source.close();
	};
}
