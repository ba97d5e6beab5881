/** All tabs of a browser on one connection, in Chromium, against a real gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { SdkPages, type PageSettings, type Tab } from './sdk-pages.ts';

const publicEndpoint = 'http://gateway.example';

function tokenOf({ accessKey }: TestGateway): string {
  return signClientToken({
    accessKey,
    endpoint: publicEndpoint,
    hub: 'chat',
    userId: 'anna',
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
  });
}

async function connectionsOf({ url }: TestGateway): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => /^trunkline_connections[{ ]/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
}

describe('tabs of a browser', { skip: noChromium }, () => {
  let browser: Browser;
  let gateway: TestGateway;
  let pages: SdkPages;

  before(async () => {
    gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'short' }] } },
      retention: { short: { messages: 1000, seconds: 600, bytes: 1_000_000 } },
    });
    pages = await SdkPages.start(() => tokenOf(gateway));
    browser = await launchChromium();
  });

  after(async () => {
    await browser.close();
    await pages.stop();
    await gateway.stop();
    assert.deepEqual(gateway.errors, []);
  });

  async function contextFor(t: TestContext): Promise<BrowserContext> {
    const context = await browser.newContext();
    t.after(() => context.close());
    return context;
  }

  for (const mode of ['worker', 'leader'] as const) {
    test(`tabs (${mode}): five have one connection, and each gets everything once`, async (t) => {
      const context = await contextFor(t);
      const settings: PageSettings = {
        url: `${gateway.wsUrl}/client/hubs/chat`,
        mode,
        group: `room.${mode}`,
      };
      const tabs: Tab[] = [];
      for (let count = 0; count < 5; count += 1) tabs.push(await pages.open(context, settings));
      assert.equal(await connectionsOf(gateway), 1);
      const expected = tabs.map((_tab, index) => index);
      for (const [index, tab] of tabs.entries()) await tab.publish(index);
      for (const tab of tabs) {
        await tab.waitUntilHeard(5);
        assert.deepEqual(await tab.heard(), expected);
        assert.deepEqual(await tab.states(), ['greeted connected']);
        assert.deepEqual(await tab.errors(), []);
      }
    });
  }
});
