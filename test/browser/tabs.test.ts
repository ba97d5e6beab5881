/** All tabs of a browser on one connection, in Chromium, against a real gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { BrowserWindow } from './browser-window.ts';
import { Numbers } from './numbers.ts';
import { SdkPages, type PageSettings, type SdkTab } from './sdk-pages.ts';

const publicEndpoint = 'http://gateway.example';
const tabCount = 5;

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
  return Number(/^trunkline_connections (\d+)$/m.exec(text)?.[1]);
}

describe('tabs of a browser', { skip: noChromium }, () => {
  let browser: Browser;
  let gateway: TestGateway;
  let pages: SdkPages;

  before(async () => {
    gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'long' }] } },
      retention: { long: { messages: 100_000, seconds: 600, bytes: 100_000_000 } },
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

  /** Tabs of one window, the last one visible. */
  async function openTabs(t: TestContext, settings: PageSettings): Promise<SdkTab[]> {
    const window = await BrowserWindow.open(browser);
    t.after(async () => {
      await window.close();
      const isEmpty = async (): Promise<boolean> => (await connectionsOf(gateway)) === 0;
      await waitFor(isEmpty, { what: 'all have left', deadlineMs: 30_000 });
    });
    const tabs: SdkTab[] = [];
    for (let count = 0; count < tabCount; count += 1) {
      tabs.push(await pages.open(window, settings));
    }
    assert.equal(await connectionsOf(gateway), 1);
    return tabs;
  }

  function numbersFor(t: TestContext, group: string): Numbers {
    const { accessKey } = gateway;
    return new Numbers(t, { url: gateway.url, publicEndpoint, accessKey, group });
  }

  async function waitForOneConnection(): Promise<void> {
    const isOne = async (): Promise<boolean> => (await connectionsOf(gateway)) === 1;
    await waitFor(isOne, { what: 'the tabs have one connection', deadlineMs: 30_000 });
  }

  /** Every tab has heard all numbers up to the end, each once and in order. */
  async function assertComplete(tabs: readonly SdkTab[], count: number): Promise<void> {
    for (const tab of tabs) {
      await tab.waitUntilHeard(count);
      assert.deepEqual(await tab.heard(), [...Array(count).keys()]);
      assert.deepEqual(await tab.errors(), []);
    }
  }

  const url = (): string => `${gateway.wsUrl}/client/hubs/chat`;

  for (const mode of ['worker', 'leader'] as const) {
    test(`tabs (${mode}): five have one connection, also in the background, and hear everything`, async (t) => {
      const tabs = await openTabs(t, { url: url(), mode, group: `room.${mode}` });
      const visible = await Promise.all(
        tabs.map(({ tab }) => tab.evaluate('document.visibilityState')),
      );
      assert.deepEqual(
        visible,
        tabs.map((_tab, at) => (at === tabCount - 1 ? 'visible' : 'hidden')),
      );
      for (const [index, tab] of tabs.entries()) await tab.publish(index);
      await assertComplete(tabs, tabCount);
      for (const tab of tabs) assert.deepEqual(await tab.states(), ['greeted connected']);
    });

    test(`tabs (${mode}): the leader closes, the next one crashes: no gap, no repeat`, async (t) => {
      const group = `room.${mode}-deaths`;
      const [first, second, ...others] = await openTabs(t, { url: url(), mode, group });
      const numbers = numbersFor(t, group);
      await numbers.waitForMore(20);
      await first?.tab.close();
      await numbers.waitForMore(50);
      second?.tab.crash();
      await numbers.waitForMore(50);
      await assertComplete(others, await numbers.stop());
      await waitForOneConnection();
    });

    test(`tabs (${mode}): the leader is frozen and comes back: no gap, no repeat`, async (t) => {
      const group = `room.${mode}-frozen`;
      const tabs = await openTabs(t, { url: url(), mode, group });
      const [first, ...others] = tabs;
      const numbers = numbersFor(t, group);
      await numbers.waitForMore(20);
      await first?.tab.freeze();
      await numbers.waitForMore(50);
      for (const tab of others) await tab.waitUntilHeard(numbers.count);
      await waitForOneConnection();
      await first?.tab.thaw();
      await numbers.waitForMore(20);
      await assertComplete(tabs, await numbers.stop());
      await waitForOneConnection();
    });

    test(`tabs (${mode}): a cut: every tab resumes, and they share again`, async (t) => {
      const group = `room.${mode}-cut`;
      const proxy = new TcpProxy(gateway.gateway.port);
      const port = await proxy.listen();
      t.after(() => proxy.close());
      const address = `ws://127.0.0.1:${port}/client/hubs/chat`;
      const tabs = await openTabs(t, { url: address, mode, group });
      const numbers = numbersFor(t, group);
      for (let cut = 0; cut < 3; cut += 1) {
        await numbers.waitForMore(20);
        const { accepted } = proxy;
        proxy.cut();
        await waitFor(() => proxy.accepted > accepted, { what: 'they came back' });
      }
      await numbers.waitForMore(20);
      await assertComplete(tabs, await numbers.stop());
      await waitForOneConnection();
    });
  }
});
