/**
 * The SDK in Chromium through what befalls a page: its node is killed, the network goes and comes
 * back, its token expires. With a connection of its own, and with one that tabs share.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { startTestGateway, testAccessKey, type TestGateway } from '../support/gateway.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { BrowserWindow } from './browser-window.ts';
import { Numbers } from './numbers.ts';
import { SdkPages, type PageSettings, type SdkTab } from './sdk-pages.ts';

const publicEndpoint = 'http://gateway.example';
const accessKey = testAccessKey;
const modes = ['own', 'worker', 'leader'] as const;
const tabsPerMode = 2;
const group = 'room.1';
const settings = {
  hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'long' }] } },
  retention: { long: { messages: 100_000, seconds: 600, bytes: 100_000_000 } },
};
/** A token that expires soon, and how long the gateway then waits for another one. */
const firstTokenSeconds = 3;
const tokenGraceMs = 4000;

function tokenOf(lifetimeSeconds: number): string {
  return signClientToken({
    accessKey,
    endpoint: publicEndpoint,
    hub: 'chat',
    userId: 'anna',
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
    minutesToExpire: lifetimeSeconds / 60,
  });
}

interface OpenOptions {
  readonly port: number;
  readonly from?: SdkPages;
  readonly isPatient?: boolean;
}

describe('a page that stays for long', { skip: noChromium }, () => {
  let browser: Browser;
  let gateway: TestGateway;
  let pages: SdkPages;

  before(async () => {
    const streams = { hubs: { chat: { streams: [...settings.hubs.chat.streams] } } };
    gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      ...streams,
      retention: settings.retention,
      limits: { tokenGraceMs },
    });
    pages = await SdkPages.start(() => tokenOf(3600));
    browser = await launchChromium();
  });

  after(async () => {
    await browser.close();
    await pages.stop();
    await gateway.stop();
    assert.deepEqual(gateway.errors, []);
  });

  /** Two tabs for each way to connect, each way in a window of its own. */
  async function openTabs(
    t: TestContext,
    { from = pages, isPatient, port }: OpenOptions,
  ): Promise<ReadonlyMap<PageSettings['mode'], readonly SdkTab[]>> {
    const url = `ws://127.0.0.1:${port}/client/hubs/chat`;
    const all = new Map<PageSettings['mode'], SdkTab[]>();
    for (const mode of modes) {
      const window = await BrowserWindow.open(browser);
      t.after(() => window.close());
      const tabs: SdkTab[] = [];
      for (let count = 0; count < tabsPerMode; count += 1) {
        tabs.push(await from.open(window, { url, mode, group, isPatient }));
      }
      all.set(mode, tabs);
    }
    return all;
  }

  async function proxyTo(t: TestContext, port: number): Promise<{ proxy: TcpProxy; port: number }> {
    const proxy = new TcpProxy(port);
    t.after(() => proxy.close());
    return { proxy, port: await proxy.listen() };
  }

  test(
    'browser: kill -9 of the node: everything comes from another one, without a gap',
    { skip: noRedis },
    async (t) => {
      const redis = await startRedis();
      t.after(() => redis.stop());
      const folder = await mkdtemp(join(tmpdir(), 'trunkline-browser-'));
      t.after(() => rm(folder, { recursive: true }));
      const config = join(folder, 'trunkline.json');
      await writeFile(config, JSON.stringify({ ...settings, publicEndpoints: [publicEndpoint] }));
      const start = async (): Promise<GatewayProcess> => {
        const args = ['--config', config];
        const node = await GatewayProcess.start({ BACKPLANE: redis.url }, { args });
        t.after(() => node.run.kill());
        return node;
      };
      const [first, second] = await Promise.all([start(), start()]);
      const { port, proxy } = await proxyTo(t, first.port);
      const tabs = await openTabs(t, { port });
      const { url } = second;
      const numbers = new Numbers(t, { url, publicEndpoint, accessKey, group });
      await numbers.waitForMore(20);
      proxy.targetPort = second.port;
      await first.run.kill();
      await numbers.waitForMore(50);
      const count = await numbers.stop();
      for (const tab of [...tabs.values()].flat()) {
        await tab.waitUntilHeard(count);
        assert.deepEqual(await tab.heard(), [...Array(count).keys()]);
        assert.ok((await tab.states()).includes('lost waiting'));
      }
    },
  );

  test('browser: offline: when the network is back, every tab comes back at once', async (t) => {
    const { port, proxy } = await proxyTo(t, gateway.gateway.port);
    const tabs = [...(await openTabs(t, { port, isPatient: true })).values()].flat();
    const { url } = gateway;
    const numbers = new Numbers(t, { url, publicEndpoint, accessKey, group });
    await numbers.waitForMore(10);
    for (const { tab } of tabs) await tab.setOffline(true);
    proxy.refuse();
    proxy.cut();
    for (const tab of tabs) await tab.waitUntil('client.state === "waiting"');
    await numbers.waitForMore(10);
    proxy.welcome();
    for (const { tab } of tabs) await tab.setOffline(false);
    for (const tab of tabs) await tab.waitUntilLive();
    await numbers.waitForMore(10);
    const count = await numbers.stop();
    for (const tab of tabs) {
      await tab.waitUntilHeard(count);
      assert.deepEqual(await tab.heard(), [...Array(count).keys()]);
      assert.ok((await tab.states()).includes('online connecting'));
    }
  });

  test('browser: a new token keeps the connection that the first one would have ended', async (t) => {
    const others = await SdkPages.start((reason) =>
      tokenOf(reason === 'refresh' ? 3600 : firstTokenSeconds),
    );
    t.after(() => others.stop());
    const tabs = await openTabs(t, { port: gateway.gateway.port, from: others });
    const endMs = Date.now() + firstTokenSeconds * 1000 + tokenGraceMs + 500;
    const isOver = (): boolean => Date.now() > endMs;
    await waitFor(isOver, { what: 'the first tokens have expired', deadlineMs: 30_000 });
    for (const [mode, [first, ...more]] of tabs) {
      await first?.publish(mode);
      for (const tab of [first, ...more]) {
        await tab?.waitUntil(`heard.includes('${mode}')`);
        assert.deepEqual(await tab?.states(), ['greeted connected']);
        assert.deepEqual(await tab?.errors(), []);
      }
    }
    assert.ok(others.tokenReasons.includes('refresh'));
    assert.ok(!others.tokenReasons.includes('refused'));
  });
});
