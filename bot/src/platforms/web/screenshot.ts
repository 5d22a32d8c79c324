// Pictures of the page. Looks at a stand-in for the core, or at a running Troupe:
//   npx tsx bot/src/platforms/web/screenshot.ts [--out docs] [--all] [http://127.0.0.1:3000]
// Without --all only page.png, the picture of the README. Needs chromium (CHROMIUM says where).
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { createFakeServer } from '../../../../test/web/fake-server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'docs' }, all: { type: 'boolean', default: false } },
});

const desktop = { width: 1440, height: 960 };
const phone = { width: 390, height: 844 };

const fake = positionals[0] ? undefined : await createFakeServer({ paceMs: 8 });
const base = positionals[0] ?? (await fake!.listen());
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
mkdirSync(values.out, { recursive: true });

await picture('page', { viewport: desktop, colorScheme: 'light' }, talk);
if (values.all) {
  for (const colorScheme of ['light', 'dark'] as const) {
    await picture(`desktop-opening-${colorScheme}`, { viewport: desktop, colorScheme }, async () => {});
    await picture(`desktop-${colorScheme}`, { viewport: desktop, colorScheme }, talk);
    await picture(`phone-opening-${colorScheme}`, { viewport: phone, colorScheme, deviceScaleFactor: 2 }, async () => {});
    await picture(`phone-${colorScheme}`, { viewport: phone, colorScheme, deviceScaleFactor: 2 }, talk);
    await picture(`phone-backstage-${colorScheme}`, { viewport: phone, colorScheme, deviceScaleFactor: 2 }, async (page) => {
      await talk(page);
      await page.click('#backstage-toggle');
    });
    await picture(`phone-menu-${colorScheme}`, { viewport: phone, colorScheme, deviceScaleFactor: 2 }, async (page) => {
      await talk(page);
      await page.click('#rail-open');
    });
  }
  await picture('narrow', { viewport: { width: 320, height: 640 }, colorScheme: 'light', deviceScaleFactor: 2 }, talk);
}
await browser.close();
await fake?.app.close();

async function picture(name: string, options: BrowserContextOptions, play: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(base);
  await page.waitForSelector('.card-face');
  await page.evaluate('document.fonts.ready');
  await play(page);
  await page.waitForTimeout(700);
  const path = join(values.out, `${name}.png`);
  await page.screenshot({ path });
  console.log(path, `${Math.round(statSync(path).size / 1024)} KB`);
  await context.close();
}

async function talk(page: Page): Promise<void> {
  const lines = ['I have an exam on Friday and I’m so nervous', 'tell me a joke', 'when is my exam again?'];
  for (const [i, line] of lines.entries()) {
    await page.fill('#message', line);
    await page.press('#message', 'Enter');
    await page.locator('.deeds').nth(i).waitFor({ timeout: 60_000 });
  }
  await page.click('.theirs .thumb >> nth=0');
  await page.click('.behind >> nth=-1');
  // On a phone that opens backstage over the chat: close it again.
  if (page.viewportSize()!.width < 1180) await page.keyboard.press('Escape');
  await page.mouse.move(0, 0);
}
