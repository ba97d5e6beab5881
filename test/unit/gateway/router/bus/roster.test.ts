/** Tests of who is alive, suspect and dead. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Roster } from '../../../../../gateway/router/bus/roster.ts';
import { FakeClock } from '../fakes.ts';

function start() {
  const clock = new FakeClock();
  const options = { nodeId: 'me', clock, suspectAfterMs: 3000, deadAfterMs: 10_000 };
  return { clock, roster: new Roster(options) };
}

describe('roster', () => {
  test('roster: a silent node is suspect after 3 s and dead after 10 s', () => {
    const { clock, roster } = start();
    assert.equal(roster.heard('a', 1), true);
    clock.advance(3000);
    assert.equal(roster.state('a'), 'alive');
    clock.advance(1);
    assert.equal(roster.state('a'), 'suspect');
    clock.advance(6999);
    assert.deepEqual([roster.sweep(0), roster.nodes()], [[], ['me', 'a']]);
    clock.advance(1);
    assert.deepEqual([roster.sweep(0), roster.nodes()], [['a'], ['me']]);
    assert.equal(roster.state('a'), undefined);
  });

  test('roster: a sweep can look ahead to the next', () => {
    const { clock, roster } = start();
    roster.heard('a', 1);
    clock.advance(9800);
    assert.deepEqual(roster.sweep(0), []);
    assert.deepEqual(roster.sweep(250), ['a']);
  });

  test('roster: suspicion and death are taken back by a sign of life', () => {
    const { clock, roster } = start();
    roster.heard('a', 1);
    clock.advance(5000);
    assert.equal(roster.heard('a', 1), true);
    assert.equal(roster.state('a'), 'alive');
    clock.advance(20_000);
    roster.sweep(0);
    assert.equal(roster.heard('a', 2), true);
    assert.equal(roster.state('a'), 'alive');
  });

  test('roster: what is of an older incarnation is stale and no sign of life', () => {
    const { clock, roster } = start();
    roster.heard('a', 2);
    clock.advance(4000);
    assert.equal(roster.heard('a', 1), false);
    assert.equal(roster.state('a'), 'suspect');
    assert.equal(roster.heard('a', 3), true);
    assert.equal(roster.heard('a', 2), false);
  });

  test('roster: who left is gone at once, and late messages do not bring it back', () => {
    const { clock, roster } = start();
    roster.heard('a', 1);
    roster.left('a');
    assert.deepEqual(roster.nodes(), ['me']);
    assert.equal(roster.heard('a', 1), false);
    assert.deepEqual(roster.nodes(), ['me']);
    clock.advance(10_001);
    roster.sweep(0);
    // The memory of it is bounded: by now nothing of it can be under way.
    assert.equal(roster.heard('a', 1), true);
  });

  test('roster: forgiven nodes get the whole time again', () => {
    const { clock, roster } = start();
    roster.heard('a', 1);
    clock.advance(60_000);
    roster.forgive();
    assert.deepEqual([roster.sweep(0), roster.state('a')], [[], 'alive']);
    clock.advance(10_001);
    assert.deepEqual(roster.sweep(0), ['a']);
  });

  test('roster: a node known by hearsay is as silent as it was for the one who told', () => {
    const { clock, roster } = start();
    clock.advance(20_000);
    roster.heard('a', 3);
    roster.left('gone');
    roster.learn([
      { node: 'a', silentMs: 9000 },
      { node: 'b', silentMs: 4000 },
      { node: 'c', silentMs: 10_001 },
      { node: 'gone', silentMs: 0 },
      { node: 'me', silentMs: 9000 },
    ]);
    assert.deepEqual(roster.nodes(), ['me', 'a', 'b']);
    assert.deepEqual([roster.state('a'), roster.state('b')], ['alive', 'suspect']);
    assert.deepEqual(roster.silences(), [
      { node: 'a', silentMs: 0 },
      { node: 'b', silentMs: 4000 },
    ]);
    clock.advance(6001);
    assert.deepEqual(roster.sweep(0), ['b']);
    roster.learn([{ node: 'b', silentMs: 4000 }]);
    assert.equal(roster.heard('b', 1), true);
    assert.equal(roster.heard('a', 2), false);
  });

  test('roster: counts the others that were heard since a time', () => {
    const { clock, roster } = start();
    roster.heard('a', 1);
    clock.advance(10);
    const since = clock.monotonicMs();
    assert.equal(roster.heardSince(since), 0);
    roster.heard('b', 1);
    roster.heard('a', 1);
    assert.equal(roster.heardSince(since), 2);
  });

  test('roster: this node is always there and alive', () => {
    const { clock, roster } = start();
    clock.advance(100_000);
    roster.sweep(0);
    assert.deepEqual([roster.nodes(), roster.state('me')], [['me'], 'alive']);
    assert.equal(roster.state('nobody'), undefined);
  });
});
