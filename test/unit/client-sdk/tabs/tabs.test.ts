/** Which way a tab takes to share, who leads, and what happens when the leader does not answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from '../../../../client-sdk/src/client.ts';
import type { Locks } from '../../../../client-sdk/src/tabs/environment.ts';
import { sharedByTabs } from '../../../../client-sdk/src/tabs/index.ts';
import { FakeWorld, place, streamed, type FakeSocket } from '../fakes.ts';
import { FakeBrowser, type FakeBrowserOptions, type FakeTab } from './fake-browser.ts';

const workerUrl = '/worker.js';

class Stage {
  readonly world = new FakeWorld();
  readonly browser: FakeBrowser;
  readonly clients: Client[] = [];

  constructor(options: FakeBrowserOptions = {}) {
    this.browser = new FakeBrowser(this.world, options);
  }

  /** A tab whose client is connected, if the gateway is there. */
  async open(url?: string): Promise<FakeTab> {
    const tab = this.browser.open();
    this.clients.push(tab.client({ workerUrl: url }));
    await this.settle();
    return tab;
  }

  /** The gateway greets whoever has come. */
  async settle(): Promise<void> {
    await this.world.clock.pass(0);
    for (const socket of this.sockets) socket.greet();
    await this.world.clock.pass(0);
  }

  /** Those that are open. */
  get sockets(): readonly FakeSocket[] {
    return this.world.sockets.filter(({ isOver }) => !isOver);
  }

  get states(): readonly string[] {
    return this.clients.map(({ state }) => state);
  }
}

describe('tabs: ways to share', () => {
  test('way: by the worker, where there is one', async () => {
    const stage = new Stage();
    for (let count = 0; count < 3; count += 1) await stage.open(workerUrl);
    assert.deepEqual(stage.states, Array(3).fill('connected'));
    assert.equal(stage.browser.worker?.sockets.length, 1);
    assert.equal(stage.world.sockets.length, 1);
  });

  test('way: by a leader, without the address of a worker, without workers, or without its script', async () => {
    for (const [hasWorkers, url] of [
      [true, undefined],
      [false, workerUrl],
      [true, '/404.js'],
    ] as const) {
      const stage = new Stage({ hasWorkers });
      const leader = await stage.open(url);
      await stage.open(url);
      assert.deepEqual([stage.states, stage.sockets.length], [['connected', 'connected'], 1]);
      assert.equal(leader.thread.sockets.length, 1);
    }
  });

  test('way: by a leader, when the worker does not answer', async () => {
    const stage = new Stage();
    await stage.open(workerUrl);
    stage.browser.worker?.stop();
    const tab = await stage.open(workerUrl);
    await stage.world.clock.pass(8000);
    await stage.settle();
    assert.equal(stage.clients[1]?.state, 'connected');
    assert.equal(tab.thread.sockets.length, 1);
  });

  test('way: by the worker without locks, and a connection per tab without both', async () => {
    const stage = new Stage({ hasLocks: false });
    await stage.open(workerUrl);
    await stage.open(workerUrl);
    assert.equal(stage.sockets.length, 1);
    await stage.open();
    await stage.open();
    assert.deepEqual(stage.states, Array(4).fill('connected'));
    assert.equal(stage.sockets.length, 3);
  });

  test('way: a connection per tab, where the browser gives no locks to this page', async () => {
    const world = new FakeWorld();
    const tab = new FakeBrowser(world).open();
    const locks: Locks = {
      request: () => Promise.reject(new DOMException('not here', 'SecurityError')),
    };
    const client = tab.client({ environment: { ...tab.environment, locks } });
    for (let turn = 0; turn < 2; turn += 1) await world.clock.pass(0);
    world.socket.greet();
    assert.equal(client.state, 'connected');
  });

  test('way: another subprotocol is refused', () => {
    const { environment } = new FakeBrowser(new FakeWorld()).open();
    const Shared = sharedByTabs({ environment });
    assert.throws(() => new Shared('wss://x.example', ['trunkline.v1.msgpack']), {
      code: 'bad-option',
      message: 'Tabs share trunkline.v1.json only, got trunkline.v1.msgpack',
    });
  });

  test('way: a server that renders can make it', () => {
    assert.equal(typeof sharedByTabs(), 'function');
  });

  test('name: only tabs of one name share', async () => {
    const stage = new Stage();
    await stage.open();
    stage.browser.open().client({ name: 'other' });
    await stage.settle();
    assert.equal(stage.sockets.length, 2);
  });
});

describe('tabs: leaders', () => {
  test('leader: the next one takes over at once when it crashes, and everybody resumes', async () => {
    const stage = new Stage();
    const [leader] = [await stage.open(), await stage.open(), await stage.open()];
    const groups = stage.clients.slice(1).map((client) => client.group('g'));
    await stage.settle();
    stage.world.socket.answer('joinGroup', { position: place(5) });
    await stage.world.clock.pass(0);
    stage.world.socket.say(streamed(6));
    await stage.world.clock.pass(0);
    leader.crash();
    await stage.settle();
    assert.deepEqual(
      groups.map(({ state }) => state),
      ['recovering', 'recovering'],
    );
    assert.deepEqual(stage.world.socket.of('joinGroup')[0]?.['since'], place(6));
    stage.world.socket.answer('joinGroup', { position: place(6), recovered: true });
    await stage.world.clock.pass(0);
    assert.deepEqual(
      groups.map(({ state }) => state),
      ['live', 'live'],
    );
    assert.equal(stage.sockets.length, 1);
  });

  test('leader: one that is frozen gives up its office, and follows when it is back', async () => {
    const stage = new Stage();
    const [leader] = [await stage.open(), await stage.open()];
    leader.thread.freeze();
    await stage.settle();
    assert.equal(stage.clients[1]?.state, 'connected');
    leader.thread.goOn();
    await stage.settle();
    assert.deepEqual([stage.states, stage.sockets.length], [['connected', 'connected'], 1]);
    assert.equal(leader.thread.sockets.length, 1);
  });

  test('leader: one that hangs loses its office, and finds that out when it is back', async () => {
    const stage = new Stage();
    const [leader] = [await stage.open(), await stage.open()];
    leader.thread.stop();
    const late = await stage.open();
    // It waits for an answer for five seconds, and then takes the lock.
    await stage.world.clock.pass(5000);
    await stage.settle();
    assert.deepEqual(stage.states.slice(1), ['connected', 'connected']);
    assert.equal(late.thread.sockets.length, 1);
    leader.thread.goOn();
    await stage.settle();
    assert.deepEqual([stage.states, stage.sockets.length], [Array(3).fill('connected'), 1]);
  });

  test('leader: one whose own client is closed leads on while others need it, and then rests', async () => {
    const stage = new Stage();
    const [leader] = [await stage.open(), await stage.open()];
    stage.clients[0]?.close();
    await stage.settle();
    assert.deepEqual([stage.states, leader.thread.sockets.length], [['closed', 'connected'], 1]);
    assert.equal(stage.sockets.length, 1);
    stage.clients[1]?.close();
    await stage.world.clock.pass(0);
    const { browser, world } = stage;
    assert.deepEqual(
      [stage.sockets.length, browser.lockCount, browser.channelCount, world.clock.pending],
      [0, 0, 0, 0],
    );
  });

  test('leader: a tab that dies is no member any more', async () => {
    const stage = new Stage();
    const [, other] = [await stage.open(), await stage.open()];
    stage.clients[1]?.group('g');
    await stage.settle();
    stage.world.socket.answer('joinGroup', { position: place(1) });
    await stage.world.clock.pass(0);
    other?.crash();
    await stage.world.clock.pass(0);
    assert.equal(stage.world.socket.of('leaveGroup').length, 1);
  });

  test('token: each tab brings its own, and a refusal reaches its getToken', async () => {
    const stage = new Stage();
    await stage.open();
    stage.browser.open().client();
    await stage.world.clock.pass(0);
    assert.deepEqual(stage.world.reasons, ['connect', 'connect']);
    stage.world.socket.shut(4401);
    await stage.world.clock.pass(0);
    assert.deepEqual(stage.world.reasons.slice(2), ['refused', 'refused']);
  });
});
