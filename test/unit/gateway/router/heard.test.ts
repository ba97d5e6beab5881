/** Counters of publishing nodes: what they say of live traffic, and of what comes late. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeEnvelope, EnvelopeView } from '../../../../backplanes/envelope.ts';
import { Heard } from '../../../../gateway/router/heard.ts';
import { HeldMessages } from '../../../../gateway/router/hold.ts';
import { newRouterCounters } from '../../../../gateway/router/router-counters.ts';
import { Stragglers, whoHasIt } from '../../../../gateway/router/stragglers.ts';
import { Target } from '../../../../gateway/router/target.ts';
import { FakeClock } from './fakes.ts';

function envelope(nodeId: string, counter: number): EnvelopeView {
  return new EnvelopeView(
    encodeEnvelope({
      id: `${nodeId}.${counter}`,
      hasChosenId: false,
      nodeId,
      counter,
      hub: 'hub',
      kind: 'group',
      name: 'g',
      dataType: 'text',
      data: Buffer.from('x'),
      senderConnectionId: undefined,
      senderUserId: undefined,
      noEcho: false,
      expiresAtSeconds: 0,
      extension: undefined,
    }),
  );
}

function target(): Target {
  return new Target('g:hub:g', 'group', 'g');
}

describe('heard', () => {
  test('heard: holes, repeats and inversions are counted by publishing node', () => {
    const counters = newRouterCounters();
    const heard = new Heard(envelope('a', 5));
    const arrivals: [string, number][] = [
      ['b', 9],
      ['a', 6],
      ['a', 9],
      ['b', 10],
      ['a', 9],
      ['a', 7],
      ['b', 2 ** 32 + 1],
    ];
    for (const [nodeId, counter] of arrivals) heard.take(envelope(nodeId, counter), counters);
    const { liveHoles, liveInversions, liveRepeats } = counters;
    assert.deepEqual([liveHoles, liveRepeats, liveInversions], [2, 1, 1]);
    assert.deepEqual(
      new Map(heard.last()),
      new Map([
        ['a', 9],
        ['b', 2 ** 32 + 1],
      ]),
    );
  });

  test('heard: of many publishing nodes the oldest are forgotten', () => {
    const counters = newRouterCounters();
    const heard = new Heard(envelope('n0', 1));
    for (let at = 1; at < 1000; at += 1) heard.take(envelope(`n${at}`, 1), counters);
    const nodes = heard.last().map(([nodeId]) => nodeId);
    assert.ok(nodes.length <= 257 && nodes.includes('n999') && !nodes.includes('n0'));
  });
});

describe('hold', () => {
  const bounds = { hub: 'hub', connectionId: 'c', messagesMax: 3, bytesMax: 10_000 };

  function beyond(arrivals: readonly [string, number][], counters: readonly [string, number][]) {
    const group = target();
    const held = new HeldMessages(bounds);
    for (const [nodeId, counter] of arrivals) held.take(group, envelope(nodeId, counter));
    const cut = { to: { kind: 'group', name: 'g' }, counters, position: undefined } as const;
    const { envelopes, isWhole } = held.beyond([{ ...cut, target: group }]);
    return { isWhole, ids: envelopes.map(({ id }) => id), held };
  }

  test('hold: what is beyond the cut is given, in the order of arrival', () => {
    const { ids, isWhole } = beyond(
      [
        ['a', 4],
        ['b', 8],
        ['a', 5],
      ],
      [
        ['a', 4],
        ['b', 7],
      ],
    );
    assert.deepEqual([ids, isWhole], [['b.8', 'a.5'], true]);
  });

  test('hold: a hole between the cut and what is held is seen', () => {
    assert.equal(beyond([['a', 6]], [['a', 4]]).isWhole, false);
    assert.equal(beyond([['a', 6]], []).isWhole, true);
  });

  test('hold: when too much comes it says so, and keeps nothing', () => {
    const { held, ids } = beyond(
      [
        ['a', 1],
        ['a', 2],
        ['a', 3],
        ['a', 4],
      ],
      [],
    );
    assert.deepEqual([held.hasOverflowed, ids], [true, []]);
  });
});

describe('stragglers', () => {
  test('stragglers: what was given elsewhere is left out until its node is past the cut', () => {
    const group = target();
    const holes: string[] = [];
    const having = (nodeId: string, counter: number): string[] => [
      ...(whoHasIt(group, envelope(nodeId, counter), (id) => holes.push(id)) ?? []),
    ];
    const stragglers = new Stragglers(new FakeClock());
    stragglers.expect(group, 'c', [
      ['a', 5],
      ['b', 2],
    ]);
    assert.deepEqual([having('a', 4), having('a', 5), having('a', 6)], [['c'], ['c'], []]);
    assert.deepEqual(holes, []);
    assert.deepEqual(having('b', 4), []);
    assert.deepEqual(holes, ['c'], 'b.3 went neither way');
    assert.equal(group.stragglers, undefined);
  });

  test('stragglers: what was heard here already is not waited for, and nothing for ever', () => {
    const group = target();
    const clock = new FakeClock();
    const stragglers = new Stragglers(clock);
    group.heard = new Heard(envelope('a', 5));
    stragglers.expect(group, 'c', [['a', 5]]);
    assert.equal(group.stragglers, undefined);
    stragglers.expect(group, 'c', [['a', 6]]);
    clock.advance(29_000);
    stragglers.sweep();
    assert.notEqual(group.stragglers, undefined);
    clock.advance(2000);
    stragglers.sweep();
    assert.equal(group.stragglers, undefined);
  });
});
