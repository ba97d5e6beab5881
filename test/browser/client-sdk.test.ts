/** The SDK in a browser: its WebSocket, its page events, and a way back after a cut. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { installClientPackage, type ClientPackage } from '../support/client-package.ts';
import { startTestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const publicEndpoint = 'http://gateway.example';

/** What the page does: it prints everything that it hears. */
const program = `
const client = Trunkline.createClient({ url, getToken: () => token, backoffBaseMs: 60000, backoffCapMs: 60000 });
client.on('state', ({ reason, state }) => console.log(reason + ' ' + state));
client.on('error', (error) => console.log(String(error)));
const room = client.group('room.1');
room.on('message', ({ data }) => console.log('message ' + data));
room.on('gap', ({ reason }) => console.log('gap ' + reason));
window.publish = (text) => room.publish(text);
window.close = () => client.close();
`;

describe('the SDK in a browser', { skip: noChromium }, () => {
  let installed: ClientPackage;

  before(() => {
    installed = installClientPackage();
  });

  after(() => installed.remove());

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
    const browser = await launchChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    const lines: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'log') lines.push(message.text());
    });
    const token = signClientToken({
      accessKey: gateway.accessKey,
      endpoint: publicEndpoint,
      hub: 'chat',
      userId: 'anna',
      roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
    });
    const settings = { url: `ws://127.0.0.1:${port}/client/hubs/chat`, token };
    const constants = Object.entries(settings).map(
      ([name, value]) => `const ${name} = ${JSON.stringify(value)};`,
    );
    await page.addScriptTag({ path: join(installed.packageFolder, 'dist/trunkline.min.js') });
    await page.addScriptTag({ content: [...constants, program].join('\n') });
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
});
