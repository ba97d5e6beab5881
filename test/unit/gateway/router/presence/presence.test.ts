/** Tests of presence over a few nodes, each thing by itself; convergence.test.ts has the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { group, join, sent, startNodes, watch } from './few-nodes.ts';
import { lost, prompt } from './presence-world.ts';

describe('presence', () => {
  test('presence: a snapshot of all nodes, then one notice for a turn of changes', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const [a, b] = [join(one, 'a'), join(two, 'b')];
    const { view } = await watch(world, one);
    assert.deepEqual(
      view.notices.map(({ change }) => change),
      ['snapshot'],
    );
    assert.deepEqual(view.ids(), ['a', 'b']);
    b.leave(group);
    for (const id of ['c', 'd', 'e']) join(two, id);
    a.say(group, [['k', 'v']]);
    await world.settle();
    assert.deepEqual(view.ids(), ['a', 'c', 'd', 'e']);
    assert.deepEqual(view.states.get('a'), [['k', 'v']]);
    assert.ok(view.notices.length <= 3, 'one for each node');
  });

  test('presence: what nobody watches costs no message, and nothing after the last watch', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    join(two, 'a');
    await world.pass(20_000);
    assert.equal(sent(world), 0);
    const { client } = await watch(world, one);
    client.unwatch(group);
    await world.pass(5000);
    assert.equal(two.presence.leases.rollCount, 0);
    assert.equal(two.presence.leases.size, 0);
    const before = sent(world);
    join(two, 'b');
    await world.pass(20_000);
    assert.equal(sent(world), before);
  });

  test('presence: on a sound broker nothing is told twice and no sum differs', async () => {
    const { nodes, world } = await startNodes(3);
    const [one, two] = nodes;
    const watchers = [await watch(world, one, 'w1'), await watch(world, two, 'w2')];
    for (let turn = 0; turn < 20; turn += 1) {
      join(nodes[turn % 3] ?? one, `m${turn}`);
      if (turn === 10) watchers[0]?.client.unwatch(group);
      if (turn === 12) await watch(world, one, 'w3');
      await world.pass(500);
    }
    await world.pass(30_000);
    for (const { presence } of nodes) {
      assert.equal(presence.counters.mismatches, 0);
      assert.equal(presence.counters.holes, 0);
    }
    assert.equal(watchers[1]?.view.ids().length, 20);
  });

  test('presence: what is watched and does not change costs two messages per pair and round', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    for (let index = 0; index < 50; index += 1) join(two, `m${index}`);
    await watch(world, one);
    await world.pass(10_000);
    const before = sent(world);
    await world.pass(60_000);
    // A question and an answer about every four seconds, and nothing else.
    const rounds = (sent(world) - before) / 2;
    assert.ok(rounds >= 13 && rounds <= 16, `${rounds} rounds in a minute`);
  });

  test('presence: a lost change is found by the next one, a lost last one by the sums', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const { view } = await watch(world, one);
    await world.pass(5000);
    world.fate = (_from, _to, isToAll) => (isToAll ? prompt : lost);
    join(two, 'a');
    await world.settle();
    world.fate = () => prompt;
    join(two, 'b');
    await world.pass(100);
    assert.deepEqual(view.ids(), ['a', 'b']);
    assert.equal(one.presence.counters.holes, 1);
    world.fate = (_from, _to, isToAll) => (isToAll ? prompt : lost);
    join(two, 'c');
    await world.settle();
    world.fate = () => prompt;
    await world.pass(1500);
    assert.deepEqual(view.ids(), ['a', 'b', 'c']);
    assert.equal(one.presence.counters.mismatches, 1);
  });

  test('presence: a node that has just come is told what is watched elsewhere', async () => {
    const { nodes, world } = await startNodes(2);
    const { view } = await watch(world, nodes[0]);
    const fresh = await world.addNode();
    join(fresh, 'a');
    await world.pass(1500);
    assert.deepEqual(view.ids(), ['a']);
  });

  test('presence: members of a silent node are hidden, and back with it, without a snapshot', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    join(two, 'a');
    const { view } = await watch(world, one);
    two.isPaused = true;
    await world.pass(2900);
    assert.deepEqual(view.ids(), ['a'], 'a short pause is harmless');
    await world.pass(1600);
    assert.deepEqual(view.ids(), []);
    assert.equal(one.presence.counters.nodesAway, 1);
    two.isPaused = false;
    await world.pass(1500);
    assert.deepEqual(view.ids(), ['a']);
    assert.ok(view.notices.slice(1).every(({ change }) => change === 'changes'));
  });

  test('presence: members of a killed node are gone within five seconds', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    join(two, 'a');
    const { view } = await watch(world, one);
    await world.pass(3000);
    two.kill();
    await world.pass(5000);
    assert.deepEqual(view.ids(), []);
  });

  test('presence: members of a node that said good-bye may come back elsewhere first', async () => {
    const { nodes, world } = await startNodes(2, { presenceGraceMs: 2000 });
    const [one, two] = nodes;
    join(two, 'a1', 'anna');
    const { view } = await watch(world, one);
    await two.leave();
    await world.pass(1000);
    assert.deepEqual(view.ids(), ['a1']);
    join(one, 'a2', 'anna');
    await world.pass(1500);
    assert.deepEqual(view.ids(), ['a2']);
    const withoutAnna = view.notices.filter(({ connections }) => connections === 0);
    assert.deepEqual(withoutAnna, []);
  });
});

describe('presence: leaving', () => {
  test('presence: a lost member with a user is there for the grace, one without is not', async () => {
    const { nodes, world } = await startNodes(2, { presenceGraceMs: 1000 });
    const [one, two] = nodes;
    const known = join(two, 'known');
    const unknown = two.connect('unknown', undefined);
    unknown.join(group);
    known.say(group, [['k', 'v']]);
    const { view } = await watch(world, one);
    known.leave(group, 'lost');
    unknown.leave(group, 'lost');
    await world.pass(500);
    assert.deepEqual(view.ids(), ['known']);
    assert.deepEqual(view.states.get('known'), [['k', 'v']]);
    await world.pass(1000);
    assert.deepEqual(view.ids(), []);
  });

  test('presence: a change and the loss of its member in one turn leave the member there', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const anna = join(two, 'a', 'anna');
    const { view } = await watch(world, one);
    anna.say(group, [['k', 'v']]);
    anna.leave(group, 'lost');
    await world.pass(100);
    assert.deepEqual(view.ids(), ['a']);
    assert.deepEqual(view.states.get('a'), [['k', 'v']]);
  });

  test('presence: who comes back as another connection is one notice on one node', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const before = join(two, 'a1', 'anna');
    const { view } = await watch(world, one);
    before.leave(group, 'lost');
    await world.pass(100);
    join(two, 'a2', 'anna');
    await world.pass(100);
    assert.deepEqual(view.ids(), ['a2']);
    const changes = view.notices.filter(({ change }) => change === 'changes');
    assert.equal(changes.length, 1);
  });

  test('presence: a connection that changes its node is one member all the time', async () => {
    const { nodes, world } = await startNodes(2);
    const [one, two] = nodes;
    const before = join(two, 'a', 'anna');
    const { view } = await watch(world, one);
    // What the new node says comes late.
    world.fate = (from) => (from === one ? { isLost: false, delayMs: 500 } : prompt);
    const after = one.connect('a', 'anna');
    after.join(group, [['k', 'v']], 5000);
    before.leave(group, 'moved');
    await world.pass(5000);
    assert.deepEqual(view.ids(), ['a']);
    assert.deepEqual(view.states.get('a'), [['k', 'v']]);
    assert.ok(view.notices.every(({ connections }) => connections === 1));
  });
});
