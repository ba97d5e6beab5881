/** The chat example as people use it: three nodes behind nginx, a real browser, three people and more. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { startChatSystem, type ChatSystem } from '../../examples/chat/run/chat-system.ts';
import { createServer } from '../../server-sdk/src/index.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { whyMissing } from '../support/programs.ts';
import { waitFor } from '../support/wait.ts';
import { deadlineMs, spread, Window } from './chat-people.ts';

/** One broker shows the application; that it works on the other is not the application's doing. */
const backplane = process.env['LONG_TESTS'] === '1' ? 'nats' : 'redis';
const skip = noChromium || whyMissing(`${backplane}-server`, 'nginx');

describe(`chat on ${backplane}`, { skip }, () => {
  let system: ChatSystem;
  let browser: Browser;
  let anna: Window;
  let ben: Window;
  let carla: Window;
  const failures: unknown[] = [];

  before(async () => {
    const onFailure = (error: unknown): unknown => failures.push(error);
    system = await startChatSystem({ backplane, nodes: 3, onFailure });
    browser = await launchChromium();
    [anna, ben, carla] = await Promise.all([
      Window.signedIn(browser, system.url, 'Anna'),
      Window.signedIn(browser, system.url, 'Ben', { colorScheme: 'dark' }),
      Window.signedIn(browser, system.url, 'Carla'),
    ]);
    await spread([anna, ben, carla]);
  });

  after(async () => {
    await browser?.close();
    await system?.stop();
  });

  test('chat: it is signed in and a message is sent by keyboard alone', async () => {
    const { page } = ben;
    await anna.openConversation('room.harbour');
    await carla.openConversation('room.harbour');
    await ben.tabTo('.row');
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Harbour', exact: true }).waitFor();
    await page.keyboard.type('Good morning, all');
    await page.keyboard.press('Enter');
    for (const window of [anna, ben, carla]) {
      await window.message('Good morning, all').waitFor();
      assert.equal((await window.texts('Good morning, all')).length, 1);
    }
    const receipt = ben.message('Good morning, all').getByRole('img', { name: /^Read by/ });
    await receipt.and(page.getByLabel(/Anna/)).and(page.getByLabel(/Carla/)).waitFor();
  });

  test('chat: who writes is shown to the others, and not any more when it was sent', async () => {
    const field = carla.page.getByRole('textbox', { name: /^Message to/ });
    const writes = anna.page.getByText('Carla is typing');
    // A word that nobody sees in time is repeated, as by somebody who goes on writing.
    await waitFor(
      async () => {
        await field.pressSequentially('Swell ');
        return writes.isVisible();
      },
      { what: 'it is shown that Carla writes', deadlineMs },
    );
    await carla.say('Swell is down to one metre');
    await anna.message('Swell is down to one metre').waitFor();
    await writes.waitFor({ state: 'detached' });
  });

  test('chat: a direct message is unread on all devices until it is read on one', async (t) => {
    const tablet = await Window.signedIn(browser, system.url, 'Ben', {
      viewport: { width: 420, height: 800 },
    });
    t.after(() => tablet.close());
    for (const window of [ben, tablet]) {
      await window.openConversation('dm.anna.ben');
      if (window === ben) await window.openConversation('room.harbour');
      else await window.page.getByRole('button', { name: /^Back/ }).click();
    }
    await anna.openConversation('dm.anna.ben');
    // A toast goes by itself, so it is waited for from the beginning.
    await Promise.all([
      ...[ben, tablet].map((window) => window.toast('Have you got a minute?').waitFor()),
      anna.say('Have you got a minute?'),
    ]);
    for (const window of [ben, tablet]) {
      await window.row('dm.anna.ben').getByText('1 unread').waitFor();
    }
    const own = anna.message('Have you got a minute?');
    await own.getByRole('img', { name: 'Delivered to Ben' }).waitFor();
    await ben.openConversation('dm.anna.ben');
    await own.getByRole('img', { name: 'Read by Ben' }).waitFor();
    for (const window of [ben, tablet]) {
      await window.row('dm.anna.ben').getByText('unread').waitFor({ state: 'detached' });
    }
    await ben.say('Always');
    await anna.message('Always').waitFor();
    await tablet.row('dm.anna.ben').getByText('You: Always').waitFor();
    assert.deepEqual(tablet.faults, []);
  });

  test('chat: history scrolls back to the first message', async () => {
    await anna.openConversation('room.harbour');
    const { page } = anna;
    const messages = page.locator('.message');
    const older = page.getByRole('button', { name: /^Load/ });
    while ((await older.count()) > 0) {
      const shown = await messages.count();
      await page.evaluate('document.querySelector(".log").scrollTo({ top: 0 })');
      await messages.nth(shown).waitFor();
    }
    await messages.getByText('Berth 1 is clear.', { exact: true }).first().waitFor();
    assert.equal(await messages.count(), 74, 'the first 72 messages and two more');
  });

  test('chat: a friend is online while they are there', async () => {
    await ben.seesPresence('dm.ben.farid', 'offline');
    await ben.seesPresence('dm.ben.carla', 'online');
    const farid = await Window.signedIn(browser, system.url, 'Farid');
    await ben.seesPresence('dm.ben.farid', 'online');
    await farid.close();
    await ben.seesPresence('dm.ben.farid', 'offline');
  });

  test('chat: who has subscribed is notified, also when they were away', async (t) => {
    const before = await Window.signedIn(browser, system.url, 'Dan');
    await before.openNotifications();
    await before.page.getByRole('switch', { name: 'Maintenance' }).click();
    await before.page.getByRole('switch', { name: 'Maintenance', checked: true }).waitFor();
    await before.close();
    await anna.openNotifications();
    await anna.page.getByRole('button', { name: 'Send a notification' }).click();
    const form = anna.page.getByRole('dialog', { name: 'Send a notification' });
    await form.getByLabel('To', { exact: true }).selectOption('maintenance');
    await form.getByLabel('warning').check();
    await form.getByLabel('Title').fill('Gate 2 is closed');
    await form.getByLabel('Text').fill('Use gate 4.');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.waitFor({ state: 'detached' });
    await anna.page.keyboard.press('Escape');
    await anna.page.getByRole('dialog', { name: 'Notifications' }).waitFor({ state: 'detached' });
    const dan = await Window.open(browser, system.url, 'Dan');
    t.after(() => dan.close());
    await Promise.all([dan.toast('notifications are waiting for you').waitFor(), dan.signIn()]);
    // The one that everybody got at the start, and this one.
    await dan.unreadNotifications(2);
    await dan.openNotifications();
    const item = dan.page.locator('.notice', { hasText: 'Gate 2 is closed' });
    await item.getByRole('img', { name: 'warning' }).waitFor();
    const [answer] = await Promise.all([
      dan.page.waitForResponse(/notices\/read$/),
      dan.page.getByRole('button', { name: 'Mark as read: Gate 2 is closed' }).click(),
    ]);
    assert.equal(answer.status(), 204);
    await dan.unreadNotifications(1);
    await dan.page.reload();
    await dan.unreadNotifications(1);
    await dan.openNotifications();
    await dan.page.getByRole('button', { name: 'Mark all as read' }).click();
    await dan.unreadNotifications(0);
    await dan.page.keyboard.press('Escape');
    await dan.page.getByRole('dialog', { name: 'Notifications' }).waitFor({ state: 'detached' });
    assert.deepEqual(dan.faults, []);
  });

  test('chat: what the server API sends to all reaches everybody, on every node', async () => {
    const { connectionString } = system.cluster;
    const server = createServer({ hub: 'chat', connectionString });
    await server.all.publish({ title: 'Storm at six', body: 'Go home.', severity: 'error' });
    for (const window of [anna, ben, carla]) {
      const alert = window.page.getByRole('alert').filter({ hasText: 'Storm at six' });
      await alert.getByRole('button', { name: 'Dismiss' }).click();
      await alert.waitFor({ state: 'detached' });
    }
  });

  test('chat: axe finds nothing serious, light or dark, on any part of the page', async (t) => {
    const stranger = await Window.open(browser, system.url, 'Eva');
    t.after(() => stranger.close());
    await stranger.page.getByRole('button', { name: /^Eva/ }).waitFor();
    await stranger.assertAccessible('signing in');
    for (const window of [anna, ben]) {
      await window.openConversation('room.harbour');
      await window.assertAccessible('a conversation');
      await window.openNotifications();
      await window.assertAccessible('the notification centre');
      await window.page.getByRole('button', { name: 'Send a notification' }).click();
      await window.assertAccessible('a dialog');
      await window.page.keyboard.press('Escape');
      await window.page.keyboard.press('Escape');
      await window.page.locator('.centre').waitFor({ state: 'detached' });
    }
  });

  test('chat: a node is killed while all write, and nothing is lost or there twice', async () => {
    const people = [anna, ben, carla];
    for (const window of people) await window.openConversation('room.harbour');
    const lost = await ben.node();
    const node = system.cluster.nodes.find(({ nodeId }) => nodeId === lost);
    assert.ok(node !== undefined, `no node has the id ${lost}`);
    const rounds = 8;
    const expected: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, window] of people.entries()) {
        const text = `Word ${round} of ${index}`;
        expected.push(text);
        await window.say(text);
      }
      if (round === rounds / 2) await node.kill('SIGKILL');
    }
    for (const window of people) {
      await window.page
        .locator('.message', { hasText: /Word \d/ })
        .nth(expected.length - 1)
        .waitFor();
      assert.deepEqual([...(await window.texts('Word '))].sort(), [...expected].sort());
    }
    const [order] = await Promise.all(people.map((window) => window.texts('Word ')));
    for (const window of people) assert.deepEqual(await window.texts('Word '), order);
    assert.notEqual(await ben.node(), lost);
    assert.equal(await ben.page.locator('[data-status=failed]').count(), 0);
    await ben.seesPresence('dm.anna.ben', 'online');
  });

  test('chat: no window has an error in its console, and the backend has not failed', () => {
    assert.deepEqual(
      [anna, ben, carla].flatMap(({ faults }) => faults),
      [],
    );
    assert.deepEqual(failures, []);
  });
});
