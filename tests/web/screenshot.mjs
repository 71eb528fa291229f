// SPDX-License-Identifier: GPL-2.0-or-later
// screenshot.mjs URL FILE.png: the machine over a day.
import {Browser, url} from "./lib.mjs";

const b = new Browser();

await b.start();
const page = await b.open("#/?last=24h", {viewport: {width: 1280, height: 1000}});
await page.locator(".chart canvas").nth(3).waitFor();
await page.waitForFunction(() => document.querySelector("#live").textContent === "live" && document.querySelector(".tree .spark path"));
await page.mouse.move(700, 300);
await page.waitForTimeout(1500);
await page.screenshot({path: process.argv[3]});
await b.close();
if (b.wrong.length)
	throw new Error(`${url}: ${b.wrong}`);
