/** Nodes that leave and come: where their connections go, and who hears of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calm, moveTo, sendTo, stage } from './stage.ts';
import { World, type WorldNode } from './world.ts';

describe('take-over of what a node leaves', () => {
  test('take-over: a node that has heard of no move asks all for a connection whose node is gone', async () => {
    const it = await stage();
    const { client, first, second, third, world } = it;
    await moveTo(it, second);
    await moveTo(it, third);
    await world.during(world.drain(first));
    // Nobody introduces it.
    const fourth = world.create();
    await world.during(fourth.node.start());
    assert.equal(fourth.node.moved.size, 0);
    await moveTo(it, fourth);
    assert.deepEqual([client.isServed, client.isRefused], [true, false]);
    assert.equal(fourth.reliable.takeOvers?.counters.takenOver, 1);
  });

  test('take-over: a new node hears of all moves, and messages find their way by it', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    await moveTo(it, second);
    await world.during(world.drain(first));
    const fourth = await world.add();
    await sendTo(it, fourth, 'n 1 1');
    assert.deepEqual(client.texts, ['n 1 1']);
  });

  test('take-over: a node that leaves gives those whose clients are away to others, from node to node', async () => {
    const it = await stage();
    const { client, first, second, third, world } = it;
    client.cut(0);
    await world.pass(20);
    await world.during(world.drain(first));
    const has = ({ reliable }: WorldNode): boolean =>
      reliable.find(client.connectionId) !== undefined;
    const heir = [second, third].find(has);
    assert.ok(heir !== undefined);
    const last = heir === second ? third : second;
    await sendTo(it, last, 'n 1 1');
    await world.during(world.drain(heir));
    assert.ok(has(last));
    await sendTo(it, last, 'n 1 2');
    client.resume(last);
    assert.ok(await world.until(() => client.isServed, 1000));
    assert.deepEqual([client.texts, client.faults], [['n 1 1', 'n 1 2'], []]);
  });

  test('take-over: the last node gives its connections to nobody, and does not wait for it', async () => {
    const world = await World.start(1, { ...calm, nodes: 1 });
    const client = await world.client();
    const [only] = world.nodes;
    assert.ok(only !== undefined);
    client.cut(0);
    await world.pass(20);
    const before = world.clock.monotonicMs();
    await world.during(world.drain(only));
    assert.ok(world.clock.monotonicMs() - before < 1500);
  });

  test('take-over: nodes that leave too take nothing, and nobody waits for them', async () => {
    const it = await stage();
    const { client, first, second, third, world } = it;
    client.cut(0);
    await world.pass(20);
    second.node.leaves = true;
    third.node.leaves = true;
    const before = world.clock.monotonicMs();
    await world.during(world.drain(first));
    assert.ok(world.clock.monotonicMs() - before < 1500);
    assert.deepEqual([second.reliable.size, third.reliable.size], [0, 0]);
  });

  test('take-over: a client that waits at a node that leaves looks for another one', async () => {
    const it = await stage({ ...calm, subscribeMsMax: 30 });
    const { client, second, third, world } = it;
    client.cut(0);
    client.resume(second);
    await world.during(world.drain(second));
    assert.deepEqual([client.isAway, client.isRefused], [true, false]);
    client.resume(third);
    assert.ok(await world.until(() => client.isServed, 1000));
  });

  test('take-over: where the owner lives and is slow, the client is to come again', async () => {
    const it = await stage();
    const { client, first, second, world } = it;
    const execute = first.node.takeOver;
    first.node.takeOver = (call, args) =>
      call === 'takeOver.prepare' ? new Promise(() => undefined) : execute(call, args);
    client.cut(0);
    client.resume(second);
    assert.ok(await world.until(() => client.isAway || client.isRefused, 3500));
    assert.equal(client.isRefused, false);
    first.node.takeOver = execute;
    client.resume(second);
    assert.ok(await world.until(() => client.isServed, 1000));
  });
});
