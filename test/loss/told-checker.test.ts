/** The checker for brokers that lose data: who was not told of what is missing is found. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';
import { ToldChecker } from './told-checker.ts';

const stream = 'user:u1';
const client = 'u1';
const other = 'u2';

function placeAt(offset: number, epoch = 'e'): Place {
  return { epoch, offset, tag: offset };
}

/** a at 1 and b at 2 were acknowledged and are gone; c has offset 2 now, and d follows. */
const publications = [
  ['a', 1, 1000],
  ['b', 2, 1100],
  ['c', 2, 1500],
  ['d', 3, 1600],
].map(([id, offset, at]): LossPublication => ({
  id: String(id),
  stream,
  dueAt: Number(at),
  attempts: 1,
  ackedAt: Number(at),
  position: placeAt(Number(offset)),
}));
const entries = [
  { id: 'c', offset: 2 },
  { id: 'd', offset: 3 },
];

function got(id: string, offset: number, at = 2000): LossEvent {
  return { is: 'message', client, stream, at, id, offset };
}

const start: LossEvent = { is: 'start', client, stream, at: 900, place: placeAt(0) };

function told(at: number, to: Place = placeAt(0)): LossEvent {
  return { is: 'told', client, stream, at, why: 'diverged', from: placeAt(2), to };
}

/** Those counts that are not zero, without what this broker is meant to do. */
function countsOf(
  events: readonly LossEvent[],
  epoch = 'e',
  followers = 1,
): Record<string, number> {
  const checker = new ToldChecker({
    publications,
    histories: [{ stream, epoch, isComplete: true, entries }],
    windows: [],
  });
  for (const event of events) checker.take(event);
  const { ackedNotStored, told: _told, ...counts } = checker.finish(followers).counts;
  assert.equal(ackedNotStored, 2);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

describe('told checker', () => {
  test('a client that was told, and has all that came after, lost nothing silently', () => {
    const events = [start, got('a', 1), got('b', 2), told(1400), got('c', 2), got('d', 3)];
    assert.deepEqual(countsOf(events), {});
  });

  test('what it never got counts as told where a notice came after the ack', () => {
    assert.deepEqual(countsOf([start, told(1400), got('c', 2), got('d', 3)]), { toldLost: 2 });
  });

  test('what was acknowledged after the last notice, and no node noticed, is counted apart', () => {
    const events = [start, told(1050), got('c', 2), got('d', 3)];
    assert.deepEqual(countsOf(events), { lostUnseen: 1, toldLost: 1 });
  });

  test('what a node told one client must be told to those who had not got that far', () => {
    const others = [start, got('a', 1), got('b', 2), told(1400), got('c', 2), got('d', 3)];
    const events = [start, told(1050), got('c', 2), got('d', 3)];
    const all = [...others.map((event) => ({ ...event, client: other })), ...events];
    assert.deepEqual(countsOf(all, 'e', 2), { lost: 1, toldLost: 1 });
  });

  test('without a notice, an offset that is used again is found', () => {
    const events = [start, got('a', 1), got('b', 2), got('d', 3)];
    assert.deepEqual(countsOf(events), { lost: 1, unknown: 2 });
  });

  test('behind the notice nothing may miss', () => {
    const events = [start, got('a', 1), got('b', 2), told(1400), got('d', 3)];
    assert.deepEqual(countsOf(events), { lost: 1 });
  });

  test('behind the notice the order holds', () => {
    const events = [start, got('a', 1), got('b', 2), told(1400), got('d', 3), got('c', 2)];
    assert.deepEqual(countsOf(events), { outOfOrder: 1 });
  });

  test('nothing may come twice without a notice between', () => {
    const twice = [start, got('a', 1), got('b', 2), told(1400), got('c', 2), got('c', 2)];
    assert.deepEqual(countsOf([...twice, got('d', 3)]), { duplicates: 1 });
    const between = [start, got('a', 1), got('b', 2), got('c', 3), told(1400), got('c', 2)];
    assert.deepEqual(countsOf([...between, got('d', 3)]), {});
  });

  test('a client in another epoch than the stream was not told', () => {
    const events = [start, got('a', 1), got('b', 2), told(1400), got('c', 2), got('d', 3)];
    assert.deepEqual(countsOf(events, 'f'), { lost: 1 });
  });
});
