// A visit of the page by a real browser, against the web server on a stand-in for the core.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test as vitestTest } from 'vitest';
import type { WebOptions } from '../../bot/src/platforms/web/server.ts';
import { COLOURS } from './contrast.ts';
import { createFakeServer } from './fake-server.ts';

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
export const test = (title: string, body: () => Promise<void>) =>
  executablePath
    ? vitestTest(title, { timeout: 120_000 }, body)
    : vitestTest.skip(`${title} (not here: no chromium on this machine; install it, or let CHROMIUM name one)`, body);

let browser: Browser;
beforeAll(async () => {
  if (executablePath) browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
afterAll(async () => void (await browser?.close()));

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

export async function visit(options: Partial<WebOptions> & { paceMs?: number; browser?: BrowserContextOptions } = {}) {
  const server = await createFakeServer(options);
  open.push(() => server.app.close());
  const base = await server.listen();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options.browser });
  open.push(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => /Content Security Policy|Trusted|Uncaught/i.test(line.text()) && complaints.push(line.text()));
  await page.goto(base);
  return { ...server, base, page, complaints };
}

/** Patient: the machine may be busy with other tests. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 50 });

export const replies = (page: Page) => page.locator('.theirs:not(.pending)');
export const pick = (page: Page, slug: string) => page.click(`.card:has([value=${slug}])`);

export async function say(page: Page, text: string) {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

/** What a screen reader would call the focused element. */
export async function focused(page: Page): Promise<string> {
  const name = await page.evaluate(
    `(() => { const e = document.activeElement; return e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent; })()`,
  );
  return String(name);
}

/** Of the page's ground, 0 to 255. */
export async function lightness(page: Page): Promise<number> {
  return Number(await page.evaluate(`${COLOURS} rgb(getComputedStyle(document.querySelector('.stage')).backgroundColor)[1]`));
}

/** The selectors whose first visible element has text below 4.5:1 against what is behind it. */
export async function faint(page: Page, selectors: string[]): Promise<string[]> {
  return (await page.evaluate(`${COLOURS} (${JSON.stringify(selectors)}).flatMap((selector) => {
    const node = [...document.querySelectorAll(selector)].find((n) => n.checkVisibility());
    if (!node) return [selector + ' is missing'];
    const ratio = contrast(node);
    return ratio < 4.5 ? [selector + ' ' + ratio.toFixed(2)] : [];
  })`)) as string[];
}
