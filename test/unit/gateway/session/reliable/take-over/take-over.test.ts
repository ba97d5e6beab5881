/** A take-over step by step: what goes along, who is told, and what comes of it when it fails. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryStreamBroker } from '../../../../../../backplanes/memory/memory-stream-broker.ts';
import { MemoryStreamStore } from '../../../../../../backplanes/memory/memory-stream-store.ts';
import { plainHub } from '../../../../../../gateway/config/sections.ts';
import { DestinationRules } from '../../../../../../gateway/router/destination-rules.ts';
import { calm, moveTo, sendTo, stage } from './stage.ts';
import { hub } from './world.ts';

describe('take-over', () => {
  test('take-over: groups, rights, ackIds and what was not acknowledged go along', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    client.say({ type: 'joinGroup', group: 'own', ackId: 4 });
    await world.network.during(
      first.node.directory.grantPermission(hub, client.connectionId, 'sendToGroup', 'special'),
    );
    world.publish();
    await world.pass(50);
    assert.equal(client.texts.length, 1);
    await moveTo(it, second);
    const session = second.reliable.find(client.connectionId);
    assert.ok(session?.isAttached === true);
    assert.equal(first.reliable.find(client.connectionId), undefined);
    assert.deepEqual(
      new Set(session.destinations().map((to) => ('name' in to ? to.name : ''))),
      new Set(['', 'anna', 'g', 'own']),
    );
    assert.ok(session.roles().includes('webpubsub.sendToGroup.special'));
    assert.equal(session.subscriber?.userId, 'anna');
    client.say({ type: 'joinGroup', group: 'own', ackId: 4 });
    await world.pass(20);
    assert.match(client.replies.at(-1) ?? '', /"name":"Duplicate"/);
    world.publish();
    await world.pass(50);
    assert.deepEqual([client.texts.length, client.faults], [2, []]);
    assert.equal(second.reliable.takeOvers?.counters.takenOver, 1);
    assert.equal(first.reliable.takeOvers?.counters.handedOver, 1);
  });

  test('take-over: orders and questions reach it from every node, wherever it has gone', async () => {
    const it = await stage();
    const { client, first, second, third, world } = it;
    await moveTo(it, second);
    await moveTo(it, third);
    const id = client.connectionId;
    for (const [at, { node }] of [first, second, third].entries()) {
      assert.equal(await world.network.during(node.directory.connectionExists(hub, id)), true);
      const added = node.directory.addConnectionToGroup(hub, id, `late ${at}`);
      assert.equal(await world.network.during(added), true);
    }
    const names = third.reliable
      .find(id)
      ?.destinations()
      .flatMap((to) => ('name' in to ? to.name : []));
    assert.ok(names?.includes('late 0') && names.includes('late 1') && names.includes('late 2'));
    await world.network.during(first.node.directory.closeConnection(hub, id, 'out'));
    await world.pass(100);
    assert.equal(third.reliable.size, 0);
    assert.equal(
      await world.network.during(second.node.directory.connectionExists(hub, id)),
      false,
    );
    assert.deepEqual(
      world.nodes.map(({ node }) => node.moved.size),
      [0, 0, 0],
    );
    client.resume(second);
    assert.ok(await world.until(() => client.isRefused, 5000));
  });

  test('take-over: messages to the connection itself come once and in order, before and after', async () => {
    const it = await stage();
    const { client, first, second, third } = it;
    await sendTo(it, third, 'n 1 1');
    client.cut(0);
    await sendTo(it, third, 'n 1 2');
    await moveTo(it, second);
    await sendTo(it, third, 'n 1 3');
    await sendTo(it, second, 'n 1 4');
    await moveTo(it, third);
    for (const [at, from] of [first, second, third].entries())
      await sendTo(it, from, `n 1 ${5 + at}`);
    assert.deepEqual(
      client.texts,
      Array.from({ length: 7 }, (_, at) => `n 1 ${at + 1}`),
    );
  });

  test('take-over: messages to the connection while it changes its node are neither lost nor doubled', async () => {
    const it = await stage({ lossPercent: 0, delayMsMax: 30, subscribeMsMax: 30 });
    const { client, second, third, world } = it;
    const texts: string[] = [];
    const send = (): void => {
      const text = `n 1 ${texts.length}`;
      texts.push(text);
      const to = { kind: 'connection', name: client.connectionId } as const;
      const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
      void third.node.router.publish({ hub, to, payload });
    };
    client.cut(0);
    client.resume(second);
    for (let step = 0; step < 60; step += 1) {
      send();
      await world.pass(10);
    }
    assert.ok(await world.until(() => client.texts.length >= texts.length, 2000));
    assert.deepEqual([client.texts, client.faults], [texts, []]);
  });

  test('take-over: a stream goes on from the place where the owner left it', async () => {
    const broker = new MemoryStreamBroker(() => undefined);
    const rules = new DestinationRules({
      hubs: { chat: { ...plainHub, streams: [{ match: 'group:g', retention: 'r' }] } },
      retention: { r: { messages: 100, seconds: 3600, bytes: 1_000_000 } },
    });
    const streams = { store: () => new MemoryStreamStore(broker, false), rules };
    const it = await stage({ lossPercent: 0, delayMsMax: 30, subscribeMsMax: 30, streams });
    const { client, first, second, third, world } = it;
    const texts: string[] = [];
    for (let step = 0; step < 120; step += 1) {
      const text = `n group ${step}`;
      const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
      void third.node.router.publish({ hub, to: { kind: 'group', name: 'g' }, payload });
      texts.push(text);
      if (step % 40 === 20) {
        client.cut(0);
        client.resume(step === 60 ? first : second);
      }
      await world.pass(10);
    }
    assert.ok(await world.until(() => client.texts.length >= texts.length, 5000));
    assert.deepEqual([client.texts, client.faults], [texts, []]);
    assert.equal(second.reliable.takeOvers?.counters.incomplete, 0);
  });

  test('take-over: an outbox larger than one envelope goes in parts', async () => {
    const it = await stage();
    const { client, second, world } = it;
    client.cut(0);
    const text = 'x'.repeat(60_000);
    for (let at = 0; at < 30; at += 1) await sendTo(it, second, `${at} ${text}`);
    await moveTo(it, second);
    assert.ok(await world.until(() => client.texts.length === 30, 2000));
    assert.deepEqual(
      client.texts.map((one) => Number(one.split(' ')[0])),
      [...Array(30).keys()],
    );
  });

  for (const [largest, bytes] of [
    ['who is there', 40_000],
    ['who comes', 60_000],
  ] as const) {
    test(`take-over: a full node makes room for it by whoever holds the most: ${largest}`, async () => {
      const it = await stage({ ...calm, limits: { reliableBytesPerNodeMax: 1024 * 1024 } });
      const { client, first, second, world } = it;
      const other = await world.client(second);
      for (let at = 0; at < 12; at += 1) {
        await sendTo({ ...it, client: other }, second, `${at} ${'x'.repeat(50_000)}`);
        await sendTo(it, first, `${at} ${'x'.repeat(bytes)}`);
      }
      await moveTo(it, second);
      const isLarger = bytes > 50_000;
      assert.deepEqual([client.isRefused, other.isRefused], [isLarger, !isLarger]);
      assert.equal(second.reliable.counters.nodeFull, 1);
      const left = isLarger ? other : client;
      await sendTo({ ...it, client: left }, first, 'n 1 99');
      assert.deepEqual([left.texts.length, left.texts.at(-1)], [13, 'n 1 99']);
      assert.deepEqual([...client.faults, ...other.faults], []);
    });
  }

  test('take-over: a node that is gone cannot hand over, and nobody waits for it', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    first.node.kill();
    client.cut(0);
    client.resume(second);
    assert.ok(
      await world.until(() => client.isRefused, 3200),
      'it is refused within three seconds',
    );
    await world.pass(12_000);
    const again = await world.client();
    assert.ok(again.isServed);
  });

  test('take-over: a connection that was given up is refused at once', async () => {
    const it = await stage();
    const { client, second, world } = it;
    client.cut(0);
    await world.pass(31_000);
    client.resume(second);
    assert.ok(await world.until(() => client.isRefused, 200));
    assert.equal(second.reliable.counters.refused.unknown, 1);
  });

  test('take-over: a claim that is given up leaves the connection where it was', async () => {
    const it = await stage({ lossPercent: 0, delayMsMax: 0, subscribeMsMax: 30 });
    const { client, first, second, world } = it;
    client.cut(0);
    client.resume(second);
    await world.pass(20);
    client.cut(0);
    await world.pass(1000);
    assert.equal(second.reliable.size, 0);
    client.resume(first);
    assert.ok(await world.until(() => client.isServed, 1000));
    world.publish();
    await world.pass(100);
    assert.deepEqual([client.texts.length, client.faults], [1, []]);
  });

  test('take-over: what the server does between the seal and the end holds', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    const id = client.connectionId;
    client.cut(0);
    const execute = first.node.takeOver;
    first.node.takeOver = async (call, args) => {
      if (call === 'takeOver.done') {
        const local = first.node.router.hubs.connection(hub, id);
        assert.ok(local !== undefined);
        first.node.router.members.leave(local, 'g');
      }
      return execute(call, args);
    };
    await moveTo(it, second);
    const names = second.reliable
      .find(id)
      ?.destinations()
      .flatMap((to) => ('name' in to ? to.name : []));
    assert.deepEqual(names, ['anna']);
    await world.pass(100);
  });

  test('take-over: an order between the seal and the end is done where the connection is served', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    const id = client.connectionId;
    client.cut(0);
    const execute = first.node.takeOver;
    const texts: string[] = [];
    first.node.takeOver = async (call, args) => {
      if (call !== 'takeOver.done' || texts.length > 0) return execute(call, args);
      texts.push('n 1 1');
      void first.node.directory.addConnectionToGroup(hub, id, 'late').then(() => {
        const payload = { dataType: 'text', bytes: Buffer.from('n 1 1') } as const;
        return first.node.router.publish({ hub, to: { kind: 'group', name: 'late' }, payload });
      });
      await Promise.resolve();
      return execute(call, args);
    };
    await moveTo(it, second);
    await world.pass(100);
    assert.deepEqual(client.texts, ['n 1 1']);
  });

  test('take-over: a connection closed between the seal and the end is closed for its client', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    const id = client.connectionId;
    client.cut(0);
    const execute = first.node.takeOver;
    first.node.takeOver = async (call, args) => {
      if (call === 'takeOver.done') first.reliable.find(id)?.close(1000, 'out');
      await Promise.resolve();
      return execute(call, args);
    };
    client.resume(second);
    await world.pass(500);
    assert.deepEqual([first.reliable.size, second.reliable.size], [0, 0]);
    client.resume(second);
    assert.ok(await world.until(() => client.isRefused, 1000));
  });

  test('take-over: the owner frees a sealed connection when nobody ever says that it is served', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    client.cut(0);
    client.resume(second);
    const execute = first.node.takeOver;
    first.node.takeOver = async (call, args) => {
      const answer = await execute(call, args);
      if (call === 'takeOver.seal') second.node.kill();
      return answer;
    };
    await world.pass(2000);
    assert.equal(first.reliable.size, 1);
    await world.pass(65_000);
    assert.equal(first.reliable.size, 0);
  });
});
