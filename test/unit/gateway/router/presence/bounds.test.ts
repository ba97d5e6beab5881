/** Tests of the bounds of presence: members, messages, watches, slow watchers, waiting. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../../gateway/errors.ts';
import { group, join, startNodes, watch } from './few-nodes.ts';
import { lost, prompt } from './presence-world.ts';

describe('presence: bounds', () => {
  test('presence: beyond the bound on one node, or on all together, it is only counted', async () => {
    const { nodes, world } = await startNodes(2, { presenceMembersMax: 10 });
    const [one, two] = nodes;
    const { view } = await watch(world, one);
    const here = Array.from({ length: 6 }, (_, index) => join(one, `h${index}`));
    await world.pass(100);
    assert.equal(view.ids().length, 6);
    const there = Array.from({ length: 6 }, (_, index) => join(two, `t${index}`));
    await world.pass(1500);
    assert.deepEqual(view.last, { ...view.last, change: 'counts', connections: 12 });
    for (const client of there) client.leave(group);
    await world.pass(1500);
    assert.equal(view.ids().length, 6);
    const crowd = Array.from({ length: 12 }, (_, index) => join(two, `c${index}`));
    await world.pass(1500);
    assert.deepEqual(view.last, { ...view.last, change: 'counts', connections: 18 });
    for (const client of [...crowd.slice(2), ...here.slice(2)]) client.leave(group);
    await world.pass(3000);
    assert.deepEqual(view.ids(), ['c0', 'c1', 'h0', 'h1']);
    assert.equal(view.last?.change, 'snapshot');
  });

  test('presence: a part too large for a message comes in several', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const long = 'x'.repeat(200);
    for (let index = 0; index < 100; index += 1) join(two, `${long}${index}`);
    const { view } = await watch(world, one);
    assert.equal(view.ids().length, 100);
    assert.deepEqual(
      view.notices.map(({ change }) => change),
      ['snapshot'],
    );
    for (let index = 100; index < 180; index += 1) join(two, `${long}${index}`);
    await world.pass(500);
    assert.equal(view.ids().length, 180);
    assert.equal(one.presence.counters.mismatches, 0);
  });

  test('presence: many watches are told in several messages', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const client = one.connect('watcher', undefined);
    const names = Array.from({ length: 100 }, (_, index) => `${'y'.repeat(100)}${index}`);
    const begun = Promise.all(names.map((name) => client.watch(name)));
    await world.pass(200);
    await begun;
    assert.equal(two.presence.leases.rollCount, 100);
    world.fate = (_from, _to, isToAll) => (isToAll ? prompt : lost);
    await world.pass(70_000);
    assert.equal(two.presence.leases.rollCount, 0, 'a lease that nobody renews ends');
    world.fate = () => prompt;
    await world.pass(5000);
    assert.equal(two.presence.leases.rollCount, 100);
  });

  test('presence: one connection watches so many destinations and no more', async () => {
    const { nodes, world } = await startNodes(2, { presenceWatchesPerConnectionMax: 2 });
    const client = nodes[0].connect('watcher', undefined);
    const begun = Promise.all(['a', 'b', 'a'].map((name) => client.watch(name)));
    await world.pass(100);
    await begun;
    await assert.rejects(
      client.watch('c'),
      (error) => error instanceof GatewayError && error.code === 'too-many-watches',
    );
    client.unwatch('a');
    const last = client.watch('c');
    await world.pass(100);
    await last;
  });

  test('presence: a watcher that is too slow gets a snapshot when it can take one', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const { client, view } = await watch(world, one);
    client.socket.buffered = 1;
    for (let turn = 0; turn < 10; turn += 1) {
      join(two, `m${turn}`);
      await world.pass(100);
    }
    assert.equal(view.notices.length, 1);
    client.socket.buffered = 0;
    await world.pass(200);
    assert.deepEqual(
      view.notices.map(({ change }) => change),
      ['snapshot', 'snapshot'],
    );
    assert.equal(view.ids().length, 10);
    assert.ok(one.presence.counters.slowWatchers >= 1);
  });

  test('presence: many watchers are told less often, and all that changed at once', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const watchers = [];
    for (let index = 0; index < 200; index += 1) {
      const client = one.connect(`w${index}`, undefined);
      watchers.push(client.watch(group));
    }
    await world.pass(500);
    const [view] = await Promise.all(watchers);
    for (let turn = 0; turn < 40; turn += 1) {
      join(two, `m${turn}`);
      await world.pass(25);
    }
    await world.pass(500);
    assert.equal(view?.ids().length, 40);
    const notices = view?.notices.length ?? 0;
    assert.ok(notices > 2 && notices < 10, `${notices} notices in a second`);
  });

  test('presence: a watch that is not allowed any more ends without a word', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const { client, view } = await watch(world, one);
    client.isAllowed = false;
    join(two, 'a');
    await world.pass(100);
    assert.equal(view.notices.length, 1);
    assert.equal(one.presence.views.size, 0);
  });

  test('presence: a watch waits for a node that answers late, and not for one that is silent', async () => {
    const { nodes, world } = await startNodes(3);
    const [one, two, three] = nodes;
    assert.ok(three !== undefined);
    join(two, 'late');
    join(three, 'silent');
    three.isPaused = true;
    await world.pass(2600);
    world.fate = (from, to) =>
      from === two && to === one ? { isLost: false, delayMs: 700 } : prompt;
    const client = one.connect('watcher', undefined);
    let isBegun = false;
    const begun = client.watch(group).finally(() => {
      isBegun = true;
    });
    await world.pass(400);
    assert.equal(isBegun, false);
    await world.pass(700);
    assert.deepEqual((await begun).ids(), ['late']);
  });

  test('presence: a retold watcher gets everything again, once', async () => {
    const { nodes, world } = await startNodes(2);
    const [one] = nodes;
    join(one, 'a');
    const { client, view } = await watch(world, one);
    one.presence.retell(client.subscriber);
    await world.pass(300);
    assert.deepEqual(
      view.notices.map(({ change }) => change),
      ['snapshot', 'snapshot'],
    );
    assert.deepEqual(one.presence.watched(client.subscriber), [{ kind: 'group', name: group }]);
    one.presence.forget(client.subscriber);
    assert.deepEqual(one.presence.watched(client.subscriber), []);
  });

  test('presence: a state that is too large, or of a group one is not in, is refused', async () => {
    const { nodes } = await startNodes(2, { presenceStateBytesMax: 10 });
    const anna = join(nodes[0], 'a');
    const refused = (error: unknown): boolean =>
      error instanceof GatewayError && error.code === 'bad-request';
    assert.throws(() => anna.say(group, [['key', 'value of more']]), refused);
    assert.throws(() => anna.say('other', []), refused);
    anna.say(group, [['key', 'é€']]);
  });

  test('presence: what is no message of this version is refused', async () => {
    const { nodes } = await startNodes(2);
    const { presence } = nodes[0];
    assert.throws(() => presence.receive('n1', 'other', []), RangeError);
    assert.throws(() => presence.receive('n1', 'presence', [{ kind: 'items', items: [{}] }]));
  });
});
