// SPDX-License-Identifier: GPL-2.0-or-later
// page.mjs URL machine|others|states|token: the page in a real browser, over a day that goes on. A line for
// each thing that holds; what does not is said and ends it. On its standard output "restart" asks for the
// server's restart, "record" for a record, "silence" for its end.
import assert from "node:assert/strict";
import {Browser, url} from "./lib.mjs";

const b = new Browser();
const patient = {timeout: 60000};

let part = "machine";

async function holds(what, check) {
	if (part !== process.argv[3])
		return;
	await check();
	assert.deepEqual(b.wrong, [], what);
	console.log(`holds: ${what}`);
}

const args = (page) => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const charts = (page) => page.locator(".chart canvas");

await b.start();
const page = ["machine", "others"].includes(process.argv[3]) ? await b.open("#/?last=1h") : null;

await holds("the machine has charts and a tree", async () => {
	await charts(page).nth(3).waitFor(patient);
	assert.ok(await page.locator(".tree tbody tr").count() >= 12);
	assert.match(await page.locator(".tile strong").first().textContent(), /%|CPUs/);
});

await holds("it is asked for once, and lines follow", async () => {
	const other = await b.blank(), asked = [];

	other.on("request", (r) => asked.push(new URL(r.url()).pathname));
	await other.goto(`${url}/#/?last=1h`);
	await other.locator(".tree .spark path").nth(11).waitFor({...patient, state: "attached"});
	await other.waitForFunction(() => document.querySelector("#live").textContent === "live", null, patient);
	assert.equal(asked.filter((path) => path === "/api/v1/now").length, 1);
	assert.equal(await other.getAttribute("#banner", "hidden"), "");
	await other.close();
});

await holds("the tree is sorted, filtered and folded", async () => {
	await page.click('th[data-key="memory"] button');
	assert.equal(await page.getAttribute('th[data-key="memory"]', "aria-sort"), "descending");
	await page.keyboard.press("/");
	await page.keyboard.type("builds/job-3");
	assert.equal(await page.locator(".tree tbody tr").count(), 1);
	await page.keyboard.press("Escape");
	await page.fill("#filter", "");
	const before = await page.locator(".tree tbody tr").count();
	await page.locator("button.fold").first().click();
	assert.ok(await page.locator(".tree tbody tr").count() < before);
});

await holds("a drag looks closer, and the address says where", async () => {
	const box = await page.locator(".u-over").first().boundingBox();

	await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + 60, {steps: 5});
	await page.mouse.up();
	await page.waitForFunction(() => location.hash.includes("from="), null, patient);
	await b.shown(page);
	const length = args(page).get("until") - args(page).get("from");
	assert.ok(length > 900 && length < 1260, `${length} s`);
	assert.equal(await page.textContent("#live"), "past");
});

await holds("the cursor stands in all charts", async () => {
	const box = await page.locator(".u-over").first().boundingBox();

	await charts(page).nth(3).waitFor(patient);
	await page.mouse.move(box.x + 100, box.y + 50);
	await page.waitForFunction(() => [...document.querySelectorAll(".u-legend .u-series:nth-child(2) .u-value")].every((e) => e.textContent !== "–" && e.textContent !== "--"), null, patient);
});

await holds("keys", async () => {
	await page.keyboard.press("l");
	await page.waitForFunction(() => location.hash.includes("last=1h"), null, patient);
	await page.keyboard.press("e");
	await page.waitForFunction(() => location.hash.startsWith("#/events"), null, patient);
	await b.shown(page);
	assert.ok(await page.locator(".events tbody tr").count() > 10);
	await page.keyboard.press("?");
	assert.ok(await page.locator("#keys").isVisible());
	await page.keyboard.press("Escape");
	await page.keyboard.press("m");
	await page.waitForFunction(() => location.hash.startsWith("#/?"), null, patient);
	await page.keyboard.press("ArrowLeft");
	await page.waitForFunction(() => location.hash.includes("from="), null, patient);
});

await holds("the theme, kept for the next time", async () => {
	const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const before = await paper();

	await page.keyboard.press("t");
	assert.notEqual(await paper(), before);
	const after = await paper();
	await page.reload();
	assert.equal(await paper(), after);
});

part = "others";

await holds("a link to a container shows its limits and who sets them", async () => {
	const other = await b.open("#/c/builds%2Fjob-3?last=24h");

	await other.locator(".card").nth(3).waitFor(patient);
	assert.match(await other.locator('[data-chart="Memory"] h3').textContent(), /soft 256 MiB/);
	assert.match(await other.locator(".card").first().textContent(), /CPU50 %50 %itself/);
	assert.match(await other.locator(".card").nth(1).textContent(), /make|cc1|python3|rsync|sh/);
	assert.match(await other.locator(".card").nth(2).textContent(), /builds/);
	await other.click('.crumbs a:has-text("builds")');
	await other.waitForFunction(() => location.hash.startsWith("#/c/builds?last=24h"), null, patient);
	await other.close();
});

await holds("what each disk did for a container", async () => {
	const other = await b.open("#/c/builds?last=6h");
	const legend = other.locator('[data-chart="IO by device"] .u-legend');

	await legend.waitFor(patient);
	assert.match(await legend.textContent(), /sda read.*sda written.*nvme0n1 read/s);
	await other.close();
	// It goes on with the ticks: of all together some do something at any time of the day.
	const live = await b.open("#/c/%2F?last=5min");
	const box = '[data-chart="IO by device"] canvas';

	await live.locator(box).waitFor(patient);
	const before = await live.locator(box).evaluate((canvas) => canvas.toDataURL());
	await live.waitForFunction(([at, was]) => document.querySelector(at).toDataURL() !== was, [box, before], patient);
	await live.close();
});

await holds("a comparison of three", async () => {
	const other = await b.open("#/compare?c=builds%2Fjob-3&c=users%2Fu1002&last=6h");

	assert.equal(await other.locator(".chip").count(), 2);
	await other.fill("#filter", "batch");
	await other.locator("#filter").blur();
	await other.waitForFunction(() => document.querySelectorAll(".chip").length === 3, null, patient);
	assert.deepEqual(args(other).getAll("c"), ["builds/job-3", "users/u1002", "batch"]);
	await other.close();
});

await holds("what is not there is said", async () => {
	const other = await b.open("#/?from=1000000&until=1003600");

	await other.locator("main", {hasText: "Nothing was recorded"}).waitFor(patient);
	await other.close();
	b.expected = /404/;
	const none = await b.open("#/c/nowhere");
	await none.locator("main", {hasText: "no such container"}).waitFor(patient);
	await none.close();
	b.expected = new Browser().expected;
});

await holds("names are text, whatever they are", async () => {
	const other = await b.open("#/c/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E");

	assert.equal(await other.locator("main img").count(), 0);
	await other.close();
	b.wrong.length = 0;
});

await holds("on a telephone nothing is wider than it", async () => {
	for (const hash of ["#/", "#/c/builds%2Fjob-3", "#/events", "#/compare?c=builds"]) {
		const other = await b.open(hash, {viewport: {width: 390, height: 800}});

		assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), hash);
		await other.close();
	}
});

await holds("it is live, says when the server is gone, and goes on when it is back", async () => {
	const other = await b.open("#/?last=5min");
	const live = (text) => other.waitForFunction((t) => document.querySelector("#live").textContent === t, text, patient);

	await live("live");
	console.log("restart");
	await live("no connection");
	assert.match(await other.textContent("#banner"), /does not answer/);
	await live("live");
	await b.shown(other);
	assert.ok(await other.locator("#banner").isHidden());
	await other.close();
});

part = "states";

await holds("before anything is recorded it says so, and goes on by itself", async () => {
	const other = await b.open("#/?last=1h");

	await other.locator("main", {hasText: "Nothing has been recorded yet"}).waitFor(patient);
	assert.equal(await other.textContent("#live"), "waiting");
	console.log("record");
	await other.locator(".tree tbody tr").nth(10).waitFor(patient);
	await charts(other).nth(3).waitFor(patient);
	await other.close();
});

await holds("what takes long is waited for, and is seen to be", async () => {
	const other = await b.blank();
	let go;
	const gone = new Promise((resolve) => (go = resolve));

	await other.route("**/api/v1/now*", (route) => gone.then(() => route.continue()));
	await other.goto(`${url}/#/?last=1h`);
	await other.locator('main.waiting[aria-busy="true"]').waitFor(patient);
	go();
	// The record may be filled still, and is shown anew then.
	await other.locator(".tree tbody tr").nth(10).waitFor(patient);
	await other.locator('main[aria-busy="false"]:not(.waiting)').waitFor(patient);
	await other.close();
});

await holds("what fails is said, and can be tried again", async () => {
	const other = await b.blank(), route = "**/api/v1/series*";

	b.expected = /503/;
	await other.route(route, (r) => r.fulfill({status: 503, contentType: "application/json", body: '{"error": "that takes too long: ask for less"}'}));
	await other.goto(`${url}/#/?last=1h`);
	await other.locator("main", {hasText: "that takes too long: ask for less"}).waitFor(patient);
	await other.unroute(route);
	await other.click('button:has-text("Try again")');
	await charts(other).nth(3).waitFor(patient);
	b.expected = new Browser().expected;
	await other.close();
});

await holds("a length that is none of the list is told as well", async () => {
	const other = await b.open("#/?last=3h");

	assert.equal(await other.locator("#presets option:checked").textContent(), "last 3 h");
	await other.close();
});

await holds("a recorder that is silent is told of, and its last hour shown", async () => {
	const other = await b.open("#/?last=1h");

	await other.waitForFunction(() => document.querySelector("#live").textContent === "live", null, patient);
	console.log("silence");
	await other.waitForFunction(() => document.querySelector("#live").textContent === "stopped", null, patient);
	assert.match(await other.textContent("#banner"), /written nothing since/);
	await other.click("#banner button");
	await other.waitForFunction(() => location.hash.includes("until="), null, patient);
	await b.shown(other);
	await charts(other).nth(3).waitFor(patient);
	await other.close();
});

part = "token";

await holds("who does not know the token is asked for it until it is the right one", async () => {
	const other = await b.blank(), dialog = other.locator("#login");

	b.expected = /401/;
	await other.goto(`${url}/#/?last=1h`);
	await dialog.locator("input").waitFor(patient);
	assert.equal(await other.locator(".tree tbody tr").count(), 0);
	for (const token of ["a-guess-of-some-length", "only-those-who-know-it"]) {
		await dialog.locator("input").fill(token);
		await dialog.locator("button").click();
		if (token.startsWith("a-guess"))
			await dialog.locator(".wrong").waitFor(patient);
	}
	await other.locator(".tree tbody tr").nth(10).waitFor(patient);
	assert.ok(await dialog.isHidden());
	await other.reload();
	await other.locator(".tree tbody tr").nth(10).waitFor(patient);
	assert.ok(await dialog.isHidden());
	assert.equal(await other.evaluate(() => document.cookie), "");
	b.expected = new Browser().expected;
	await other.close();
});

await b.close();
