/**
 * The React hooks under StrictMode in a browser, against a real gateway: rendered on a server,
 * taken over by the page, cut off, and taken apart.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { WebSocket } from 'ws';
import { createClient, type Client } from '../../client-sdk/src/index.ts';
import { signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { bundled } from '../support/client-package.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { projectRoot } from '../support/source-tree.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { App, type Schema } from './react-app.ts';

const publicEndpoint = 'http://gateway.example';

/** Takes over what the server rendered, and writes down what goes over the wire. */
const program = `
import { createElement } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { createClient } from './client-sdk/src/index.js';
import { App } from './test/browser/react-app.js';
window.sent = [];
window.sockets = 0;
const Native = WebSocket;
class Recorded extends Native {
  constructor(...args) { super(...args); window.sockets += 1; }
  send(text) { window.sent.push(...text.split('\\n').map((line) => JSON.parse(line))); super.send(text); }
}
const client = createClient({
  url: settings.url,
  getToken: () => settings.token,
  WebSocket: Recorded,
  autoConnect: false,
  backoffBaseMs: 20,
  backoffCapMs: 200,
});
window.client = client;
const root = hydrateRoot(document.getElementById('root'), createElement(App, { client }));
window.unmount = () => root.unmount();
`;

describe('the React hooks in a browser', { skip: noChromium }, () => {
  let gateway: TestGateway;
  let browser: Browser;
  let code: string;

  before(async () => {
    gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'short' }] } },
      retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
    });
    code = await bundled(join(projectRoot(), 'dist'), program, 'iife');
    browser = await launchChromium();
  });

  after(async () => {
    await browser.close();
    await gateway.stop();
  });

  function tokenOf(userId: string): string {
    return signClientToken({
      accessKey: gateway.accessKey,
      endpoint: publicEndpoint,
      hub: 'chat',
      userId,
      roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup', 'trunkline.watchPresence'],
    });
  }

  function publisher(t: TestContext): Client<Schema> {
    const client = createClient<Schema>({
      url: `${gateway.wsUrl}/client/hubs/chat`,
      getToken: () => tokenOf('ben'),
      WebSocket,
    });
    t.after(() => client.close());
    return client;
  }

  async function sendToUser(text: string): Promise<void> {
    const url = `${publicEndpoint}/api/hubs/chat/users/anna/:send?api-version=2024-12-01`;
    const token = signServerToken({ accessKey: gateway.accessKey, url });
    const response = await fetch(url.replace(publicEndpoint, gateway.url), {
      method: 'POST',
      body: text,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
    });
    assert.equal(response.status, 202);
  }

  /** The page with what the server rendered, and what a user would never see of it. */
  async function show(t: TestContext, port: number): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage();
    t.after(() => page.close());
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // That the network is gone is what the test does.
      const isCut = message.text().includes('WebSocket connection to');
      if (message.type() === 'error' && !isCut) faults.push(message.text());
    });
    const client = createClient<Schema>({
      url: 'wss://never.example/client/hubs/chat',
      getToken: () => assert.fail('a server asks for no token'),
      autoConnect: false,
    });
    const html = renderToString(createElement(App, { client }));
    assert.equal(client.state, 'idle');
    const settings = {
      url: `ws://127.0.0.1:${port}/client/hubs/chat`,
      token: tokenOf('anna'),
    };
    await page.setContent(`<div id="root">${html}</div>`);
    await page.addScriptTag({ content: `const settings = ${JSON.stringify(settings)};\n${code}` });
    return { page, faults };
  }

  const textOf = async (page: Page, id: string): Promise<string> =>
    page.locator(`#${id}`).innerText();

  async function waitForText(page: Page, id: string, text: string): Promise<void> {
    const isThere = `document.getElementById(${JSON.stringify(id)})?.innerText === ${JSON.stringify(text)}`;
    await page.waitForFunction(isThere).catch(async (error: unknown) => {
      throw new Error(`#${id} is "${await textOf(page, id)}", not "${text}"`, { cause: error });
    });
  }

  const sentTypes = async (page: Page): Promise<readonly string[]> =>
    // What the page's program has written down.
    page.evaluate<string[]>('sent.map((frame) => frame.type)');

  test('react: history, then each message once, also over a cut, by one join', async (t) => {
    const room = publisher(t).group('room.1');
    for (const text of ['one', 'two', 'three', 'four']) await room.publish(text);
    const proxy = new TcpProxy(gateway.gateway.port);
    const port = await proxy.listen();
    t.after(() => proxy.close());
    const { faults, page } = await show(t, port);
    await waitForText(page, 'list', 'two three four');
    await waitForText(page, 'state', 'live');
    await waitForText(page, 'connection', 'connected');
    await page.locator('#send').click();
    await waitForText(page, 'heard', 'from the page');
    await sendToUser('you');
    await waitForText(page, 'told', 'you');
    assert.deepEqual(await sentTypes(page), ['joinGroup', 'history', 'sendToGroup']);

    proxy.refuse();
    proxy.cut();
    await waitForText(page, 'state', 'recovering');
    await room.publish('five');
    proxy.welcome();
    await waitForText(page, 'list', 'two three four from the page five');
    await waitForText(page, 'heard', 'from the page five');
    assert.equal(await textOf(page, 'told'), 'you');
    assert.deepEqual(await sentTypes(page), ['joinGroup', 'history', 'sendToGroup', 'joinGroup']);
    assert.deepEqual(faults, []);
  });

  test('react: another component takes the room over without a leave, the last one leaves', async (t) => {
    const room = publisher(t).group('room.1');
    const { faults, page } = await show(t, gateway.gateway.port);
    await waitForText(page, 'state', 'live');
    await page.locator('#second').click();
    await waitForText(page, 'state', 'live');
    await room.publish('six');
    await waitForText(page, 'heard', 'six');
    assert.deepEqual(await sentTypes(page), ['joinGroup', 'history', 'history']);
    await page.locator('#none').click();
    await waitFor(async () => (await sentTypes(page)).includes('leaveGroup'), {
      what: 'the page has left the room',
    });
    await page.evaluate('unmount()');
    await page.waitForFunction('client.state === "closed"');
    assert.deepEqual(await sentTypes(page), ['joinGroup', 'history', 'history', 'leaveGroup']);
    assert.equal(await page.evaluate('sockets'), 1);
    assert.deepEqual(faults, []);
  });

  test('react: who is there, watched once, with what they say of themselves', async (t) => {
    const { faults, page } = await show(t, gateway.gateway.port);
    await waitForText(page, 'state', 'live');
    await page.locator('#crowd').click();
    await waitForText(page, 'people', 'anna');
    await page.locator('#smile').click();
    await waitForText(page, 'people', 'anna:-)');
    const client = publisher(t);
    const room = client.group('room.1');
    await waitForText(page, 'people', 'anna:-) ben');
    await waitForText(page, 'online', 'anna ben');
    room.leave();
    await waitForText(page, 'people', 'anna:-)');
    await waitForText(page, 'online', 'anna ben');
    await page.locator('#none').click();
    const about = async (): Promise<readonly string[]> =>
      (await sentTypes(page)).filter((type) => /presence|group|state/i.test(type));
    await waitFor(async () => (await about()).length >= 8, { what: 'the page has left' });
    assert.deepEqual(await about(), [
      'joinGroup',
      // Of the room and of the hub, each once under StrictMode.
      'watchPresence',
      'watchPresence',
      'setState',
      // What it said is taken back.
      'setState',
      'unwatchPresence',
      'leaveGroup',
      'unwatchPresence',
    ]);
    assert.deepEqual(faults, []);
  });
});
