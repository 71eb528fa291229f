// SPDX-License-Identifier: GPL-2.0-or-later
// A browser for the tests of the page and for its pictures. WEB_MODULES has playwright-core.
import {createRequire} from "node:module";

const {chromium} = createRequire(process.env.WEB_MODULES + "/")("playwright-core");
export const url = process.argv[2];

// Nothing may be asked of anybody else, and nothing may go wrong unseen.
export class Browser {
	wrong = [];
	expected = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;

	async start() {
		this.browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"]});
	}

	async blank(options = {}) {
		const page = await this.browser.newPage({viewport: {width: 1280, height: 900}, ...options});

		page.on("console", (m) => m.type() === "error" && !this.expected.test(m.text()) && this.wrong.push(`console: ${m.text()}`));
		page.on("pageerror", (e) => this.wrong.push(`error: ${e.message}`));
		page.on("request", (r) => r.url().startsWith(url) || this.wrong.push(`request to ${r.url()}`));
		return page;
	}

	async open(hash = "", options = {}) {
		const page = await this.blank(options);

		await page.goto(`${url}/${hash}`);
		await this.shown(page);
		return page;
	}

	shown(page) {
		return page.waitForSelector('main[aria-busy="false"]', {timeout: 60000});
	}

	close() {
		return this.browser.close();
	}
}
