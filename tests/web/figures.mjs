// SPDX-License-Identifier: GPL-2.0-or-later
// figures.mjs URL: how long the first view takes, and what script an interaction takes; of five each.
import {Browser} from "./lib.mjs";

const b = new Browser();
const median = (list) => list.sort((x, y) => x - y)[Math.floor(list.length / 2)];

// Milliseconds of script, layout and style until the page rests.
async function taskTime(page, client, act) {
	const read = async () => (await client.send("Performance.getMetrics")).metrics.find((m) => m.name === "ScriptDuration").value * 1000;
	const before = await read();

	await act();
	await b.shown(page);
	await page.waitForTimeout(400);
	return (await read()) - before;
}

await b.start();
await (await b.open()).close();
for (const hash of ["#/?last=1h", "#/?last=24h", "#/c/builds%2Fjob-3?last=24h"]) {
	const times = [];

	for (let i = 0; i < 5; i++) {
		const context = await b.browser.newContext();
		const page = await context.newPage();

		// When the view is no longer waited for, and has been painted.
		await page.addInitScript(() => {
			const look = new MutationObserver(() => document.querySelector('main[aria-busy="false"]') &&
				(look.disconnect(), requestAnimationFrame(() => setTimeout(() => (window.painted = performance.now())))));

			look.observe(document, {attributes: true, childList: true, subtree: true});
		});
		// A browser at rest, as a person's is: the one before has ended, and what this one starts with stands.
		await page.waitForTimeout(1500);
		await page.goto(process.argv[2] + "/" + hash);
		times.push(await (await page.waitForFunction(() => window.painted)).jsonValue());
		await context.close();
	}
	console.log(`first view ${hash.padEnd(40)} ${median(times).toFixed(0)} ms from navigation to all of it`);
}
const page = await b.open("#/?last=24h");
const client = await page.context().newCDPSession(page);
await client.send("Performance.enable");
const acts = {
	"sorting": () => page.click('th[data-key="memory"] button'),
	"filtering": () => page.fill("#filter", "job-1"),
	"another theme": () => page.keyboard.press("Escape").then(() => page.click("#theme")),
	"half a day back": () => page.click("#back"),
};
for (const [what, act] of Object.entries(acts)) {
	const times = [];

	for (let i = 0; i < 5; i++) {
		times.push(await taskTime(page, client, act));
		if (what === "filtering")
			await page.fill("#filter", "");
	}
	console.log(`script of ${what.padEnd(20)} ${median(times).toFixed(0)} ms`);
}
await b.close();
