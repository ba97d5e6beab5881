/** The SDK in a browser: its WebSocket, its page events, and a way back after a cut. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { bundled, installClientPackage, type ClientPackage } from '../support/client-package.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { projectRoot } from '../support/source-tree.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const publicEndpoint = 'http://gateway.example';

/** What the page does: it prints everything that it hears. */
const program = `
const client = Trunkline.createClient({
  url,
  getToken: () => token,
  backoffBaseMs: 60000,
  backoffCapMs: 60000,
  // Unless something hurries it, it waits for half of that.
  environment: { random: () => 0.5 },
});
client.on('state', ({ reason, state }) => console.log(reason + ' ' + state));
client.on('error', (error) => console.log(String(error)));
const room = client.group('room.1');
room.on('message', ({ data }) => console.log('message ' + data));
room.on('gap', ({ reason }) => console.log('gap ' + reason));
window.publish = (text) => room.publish(text);
window.close = () => client.close();
`;

/** Publishes bytes and an object, and prints what comes. */
const bytesProgram = `
import { createClient } from '@trunkline/client';
import { msgpack } from '@trunkline/client/msgpack';
class Named extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols);
    this.addEventListener('open', () => console.log(this.protocol));
  }
}
const client = createClient({ url, getToken: () => token, WebSocket: Named, codec: msgpack });
client.on('error', (error) => console.log(String(error)));
const room = client.group('room.1');
room.on('message', ({ data }) =>
  console.log(data instanceof Uint8Array ? data.join() : JSON.stringify(data)),
);
room.on('state', async ({ reason }) => {
  if (reason !== 'joined') return;
  await room.publish(Uint8Array.from({ length: 256 }, (_, index) => index));
  await room.publish({ text: 'ä' });
});
`;

describe('the SDK in a browser', { skip: noChromium }, () => {
  let installed: ClientPackage;
  let browser: Browser;

  before(async () => {
    installed = installClientPackage();
    browser = await launchChromium();
  });

  after(async () => {
    await browser.close();
    installed.remove();
  });

  test('sdk: it connects, comes back at once when the page is online, and misses nothing', async (t) => {
    const gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'short' }] } },
      retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
    });
    t.after(() => gateway.stop());
    const proxy = new TcpProxy(gateway.gateway.port);
    const port = await proxy.listen();
    t.after(() => proxy.close());
    const page = await browser.newPage();
    t.after(() => page.close());
    const lines: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'log') lines.push(message.text());
    });
    await page.addScriptTag({ path: join(installed.packageFolder, 'dist/trunkline.min.js') });
    await page.addScriptTag({ content: settingsOf(gateway, port) + program });
    await page.evaluate('publish("one")');
    await waitFor(() => lines.includes('message one'), { what: 'the first message arrived' });
    proxy.cut();
    await waitFor(() => lines.includes('lost waiting'), { what: 'the cut was noticed' });
    const published = page.evaluate('publish("two")');
    await page.evaluate('dispatchEvent(new Event("online"))');
    await published;
    await waitFor(() => lines.includes('message two'), { what: 'the second message arrived' });
    await page.evaluate('close()');
    assert.deepEqual(lines, [
      'greeted connected',
      'message one',
      'lost waiting',
      'online connecting',
      'greeted connected',
      'message two',
      'close closed',
    ]);
  });

  test('sdk: bytes go through MessagePack on a page that forbids eval', async (t) => {
    const gateway = await startTestGateway({ publicEndpoints: [publicEndpoint] });
    t.after(() => gateway.stop());
    const page = await browser.newPage();
    t.after(() => page.close());
    const lines: string[] = [];
    page.on('console', (message) => lines.push(message.text()));
    page.on('pageerror', (error) => lines.push(error.message));
    const code = await bundled(installed.folder, bytesProgram, 'iife');
    const policy = "default-src 'none'; connect-src *; script-src 'nonce-n'";
    await page.setContent(
      `<meta http-equiv="Content-Security-Policy" content="${policy}">` +
        `<script nonce="n">${settingsOf(gateway, gateway.gateway.port)}${code}</script>`,
    );
    await waitFor(() => lines.length >= 3, { what: 'both messages arrived' });
    const bytes = Array.from({ length: 256 }, (_, index) => index).join();
    assert.deepEqual(lines, ['trunkline.v1.msgpack', bytes, '{"text":"ä"}']);
  });

  test('sdk: the script tag of the README connects', async (t) => {
    const gateway = await startTestGateway({ publicEndpoints: [publicEndpoint] });
    t.after(() => gateway.stop());
    const readme = readFileSync(join(projectRoot(), 'client-sdk/README.md'), 'utf8');
    const snippet = /^```html\n([^]*?)^```/m.exec(readme)?.[1] ?? '';
    const html = snippet.replace('wss://realtime.example.com', gateway.wsUrl);
    assert.notEqual(html, snippet);
    const page = await browser.newPage();
    t.after(() => page.close());
    const script = readFileSync(join(installed.packageFolder, 'dist/trunkline.min.js'), 'utf8');
    const answers: Readonly<Record<string, readonly [type: string, body: string]>> = {
      '/': ['text/html', html],
      '/trunkline.min.js': ['text/javascript', script],
      '/token': ['text/plain', tokenOf(gateway)],
    };
    // A server of loopback: from elsewhere a page may not reach a gateway of loopback.
    const server = createServer(({ url = '' }, response) => {
      const [type, body] = answers[url] ?? ['text/plain', ''];
      response.setHeader('content-type', type).end(body);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    t.after(() => server.close());
    // A server that listens on a port has such an address.
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.waitForFunction('client.state === "connected"');
    assert.equal(await page.evaluate('client instanceof Trunkline.Client'), true);
  });
});

/** The address and a token, as the page's program finds them. */
function settingsOf(gateway: TestGateway, port: number): string {
  const token = tokenOf(gateway);
  const url = `ws://127.0.0.1:${port}/client/hubs/chat`;
  return `const url = ${JSON.stringify(url)}; const token = ${JSON.stringify(token)};\n`;
}

function tokenOf({ accessKey }: TestGateway): string {
  return signClientToken({
    accessKey,
    endpoint: publicEndpoint,
    hub: 'chat',
    userId: 'anna',
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
  });
}
