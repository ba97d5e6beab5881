/** The playground in a real browser: two users see each other's messages, by group and by user. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { startPlaygroundServer, type PlaygroundServer } from './playground-server.ts';

const deadlineMs = 15_000;

/** Shows the page at a size and collects what a user would never see: errors and CSP violations. */
async function open(browser: Browser, url: string, size: { width: number; height: number }) {
  const page = await browser.newPage({ viewport: size });
  page.setDefaultTimeout(deadlineMs);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults, anna: page.locator('.pane.first'), ben: page.locator('.pane.second') };
}

const frameWith = (pane: Locator, text: string): Locator =>
  pane.locator('.frame', { hasText: text });

async function waitUntilConnected(...panes: readonly Locator[]): Promise<void> {
  for (const pane of panes) await frameWith(pane, '#1 done').waitFor();
}

async function isWiderThanItsWindow(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}

describe('playground', { skip: noChromium }, () => {
  let browser: Browser;
  let server: PlaygroundServer;

  before(async () => {
    server = await startPlaygroundServer();
    browser = await launchChromium();
  });

  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('playground: a message to the group reaches both panes and is timed', async () => {
    const { page, faults, anna, ben } = await open(browser, server.url, {
      width: 1280,
      height: 800,
    });
    await waitUntilConnected(anna, ben);
    await anna.locator('[name=text]').fill('hello from anna');
    await anna.locator('[name=text]').press('Enter');
    await frameWith(ben, 'lobby · anna: hello from anna').waitFor();
    await frameWith(anna, 'lobby · anna: hello from anna').waitFor();
    assert.match(await ben.locator('.latency').innerText(), /^\d+\.\d ms$/);
    assert.equal(await isWiderThanItsWindow(page), false);
    assert.deepEqual(faults, []);
    await page.close();
  });

  test('playground: a message to a user goes through the REST API to that user only', async () => {
    const { page, faults, anna, ben } = await open(browser, server.url, {
      width: 1280,
      height: 800,
    });
    await waitUntilConnected(anna, ben);
    await anna.getByLabel('a user').check();
    await anna.locator('[name=text]').fill('for your eyes only');
    await anna.getByRole('button', { name: 'Send' }).click();
    await frameWith(ben, 'server: for your eyes only').waitFor();
    await frameWith(anna, '202').waitFor();
    assert.equal(await frameWith(anna, 'server: for your eyes only').count(), 0);
    assert.deepEqual(faults, []);
    await page.close();
  });

  test('playground: who left the group does not get its messages', async () => {
    const { page, anna, ben } = await open(browser, server.url, { width: 1280, height: 800 });
    await waitUntilConnected(anna, ben);
    await ben.getByRole('button', { name: 'Leave' }).click();
    await frameWith(ben, '#2 done').waitFor();
    await anna.locator('[name=text]').fill('without ben');
    await anna.locator('[name=text]').press('Enter');
    await frameWith(anna, 'lobby · anna: without ben').waitFor();
    // A later message to ben shows that the earlier one was not merely late.
    await anna.getByLabel('a user').check();
    await anna.locator('[name=text]').fill('the later one');
    await anna.locator('[name=text]').press('Enter');
    await frameWith(ben, 'the later one').waitFor();
    assert.equal(await frameWith(ben, 'without ben').count(), 0);
    await page.close();
  });

  test('playground: a frame opens by keyboard and shows its JSON', async () => {
    const { page, anna } = await open(browser, server.url, { width: 390, height: 844 });
    await waitUntilConnected(anna);
    const summary = frameWith(anna, 'connected as anna').locator('summary');
    await summary.focus();
    await page.keyboard.press('Enter');
    const text = await frameWith(anna, 'connected as anna').locator('pre').innerText();
    assert.match(text, /"userId": "anna"/);
    assert.equal(await isWiderThanItsWindow(page), false);
    await page.close();
  });

  test('playground: a connection that the backend closes is shown and comes back by itself', async () => {
    const { page, anna } = await open(browser, server.url, { width: 1280, height: 800 });
    await waitUntilConnected(anna);
    await server.closeConnections('out you go');
    await frameWith(anna, '1000 out you go').waitFor();
    await frameWith(anna, 'connected as anna').nth(1).waitFor();
    assert.equal(await anna.getAttribute('data-state'), 'open');
    await page.close();
  });

  test('playground: the disconnect button stays disconnected', async () => {
    const { page, anna } = await open(browser, server.url, { width: 1280, height: 800 });
    await waitUntilConnected(anna);
    await anna.getByRole('button', { name: 'Disconnect' }).click();
    assert.equal(await anna.locator('.status').innerText(), 'not connected');
    await anna.locator('[name=user]').fill('carla');
    await anna.getByRole('button', { name: 'Connect' }).click();
    await frameWith(anna, 'connected as carla').waitFor();
    await page.close();
  });
});
