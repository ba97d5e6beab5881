/** The checker of the loss test finds every kind of thing that may go wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LossChecker, type LossVerdict } from './loss-checker.ts';
import type { LossPublication } from './publication.ts';
import type { LossEvent, Place } from './recording.ts';
import type { StreamHistory } from './stream-history.ts';

const stream = 'group:room.1';
const client = 'u1';
const offsets = [10, 12, 15, 20];

function placeAt(offset: number, epoch = 'e'): Place {
  return { epoch, offset, tag: offset };
}

/** One publication for each offset, due 100 ms after the one before. */
const publications = offsets.map((offset, index): LossPublication => ({
  id: `p${offset}`,
  stream,
  dueAt: 1000 + index * 100,
  attempts: 1,
  ackedAt: 1010 + index * 100,
  position: placeAt(offset),
}));

const history: StreamHistory = {
  stream,
  epoch: 'e',
  isComplete: true,
  entries: offsets.map((offset) => ({ id: `p${offset}`, offset })),
};

function got(offset: number, at = 2000): LossEvent {
  return { is: 'message', client, stream, at, id: `p${offset}`, offset };
}

const start: LossEvent = { is: 'start', client, stream, at: 900, place: placeAt(0) };
const end: LossEvent = { is: 'end', client, stream, at: 3000, place: placeAt(20), ignored: 0 };

interface Given {
  readonly events: readonly LossEvent[];
  readonly publications?: readonly LossPublication[];
  readonly history?: StreamHistory;
}

function verdictOf(given: Given): LossVerdict {
  const checker = new LossChecker({
    publications: given.publications ?? publications,
    histories: [given.history ?? history],
    windows: [{ name: 'kill-node', from: 1050, until: 1200 }],
  });
  for (const event of given.events) checker.take(event);
  return checker.finish(1);
}

/** Those counts that are not zero. */
function countsOf(given: Given): Record<string, number> {
  const { counts } = verdictOf(given);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

describe('loss checker', () => {
  test('a client that got everything once, in order: nothing is wrong', () => {
    const events = [start, ...offsets.map((offset) => got(offset)), end];
    assert.deepEqual(countsOf({ events }), {});
    assert.equal(verdictOf({ events }).deliveries, 4);
  });

  test('a client that began later owes nothing for what came before', () => {
    const late: LossEvent = { ...start, place: placeAt(12) };
    assert.deepEqual(countsOf({ events: [late, got(15), got(20), end] }), {});
  });

  test('a message that never came is lost, the last one too', () => {
    assert.deepEqual(countsOf({ events: [start, got(10), got(15), end] }), { lost: 2 });
  });

  test('a stored message without an ack must arrive all the same', () => {
    const { ackedAt, position, ...unacked } = publications[3] ?? assert.fail();
    assert.ok(ackedAt !== undefined && position !== undefined);
    const given = { publications: [...publications.slice(0, 3), unacked] };
    const events = [start, got(10), got(12), got(15), end];
    assert.deepEqual(countsOf({ ...given, events }), { lost: 1, unacknowledged: 1 });
  });

  test('a message that came twice is a duplicate', () => {
    const events = [start, got(10), got(12), got(12), got(15), got(20), end];
    assert.deepEqual(countsOf({ events }), { duplicates: 1 });
  });

  test('a message that came after its successor is out of order', () => {
    const events = [start, got(12), got(10), got(15), got(20), end];
    assert.deepEqual(countsOf({ events }), { outOfOrder: 1 });
  });

  test('a message that no history has is unknown', () => {
    const events = [start, ...offsets.map((offset) => got(offset)), got(21), end];
    assert.deepEqual(countsOf({ events }), { unknown: 1 });
  });

  test('another message at the same offset is unknown', () => {
    const other: LossEvent = { is: 'message', client, stream, at: 2000, id: 'x', offset: 12 };
    const events = [start, got(10), other, got(15), got(20), end];
    assert.deepEqual(countsOf({ events }), { unknown: 1 });
  });

  test('a told gap is counted, and what it covers is told, not lost', () => {
    const told: LossEvent = {
      is: 'told',
      client,
      stream,
      at: 2000,
      why: 'unrecovered',
      from: placeAt(10),
      to: placeAt(15),
    };
    assert.deepEqual(countsOf({ events: [start, got(10), told, got(20), end] }), {
      told: 1,
      toldLost: 2,
    });
  });

  test('an acknowledged publication that no history has is told apart', () => {
    const lost: LossPublication = { ...(publications[0] ?? assert.fail()), id: 'gone' };
    const events = [start, ...offsets.map((offset) => got(offset)), end];
    const given = { publications: [...publications, lost], events };
    assert.deepEqual(countsOf(given), { ackedNotStored: 1 });
  });

  test('a publication that was stored twice is a duplicate for the application', () => {
    const twice = { ...history, entries: [...history.entries, { id: 'p20', offset: 21 }] };
    const again: LossEvent = { is: 'message', client, stream, at: 2000, id: 'p20', offset: 21 };
    const events = [start, ...offsets.map((offset) => got(offset)), again, end];
    assert.deepEqual(countsOf({ events, history: twice }), { storedTwice: 1 });
  });

  test('an ack that names another offset than the history is wrong', () => {
    const [first = assert.fail(), ...others] = publications;
    const wrong = { ...first, position: placeAt(11) };
    const events = [start, ...offsets.map((offset) => got(offset)), end];
    assert.deepEqual(countsOf({ events, publications: [wrong, ...others] }), { wrongPosition: 1 });
  });

  test('a history that has dropped entries proves nothing', () => {
    const events = [start, ...offsets.map((offset) => got(offset)), end];
    const cut = { ...history, isComplete: false };
    assert.deepEqual(countsOf({ events, history: cut }), { incomplete: 1 });
  });

  test('another epoch than the one that the client began in is told', () => {
    const other: LossEvent = { ...start, place: placeAt(0, 'f') };
    const events = [other, ...offsets.map((offset) => got(offset)), end];
    assert.deepEqual(countsOf({ events }), { incomplete: 1 });
  });

  test('a client that never followed the stream is missing', () => {
    assert.deepEqual(countsOf({ events: [] }), { incomplete: 1 });
  });

  test('the worst delay is that of what was due about the fault, and not over before it', () => {
    const events = [start, got(10, 1010), got(12, 1700), got(15, 1250), got(20, 1310), end];
    assert.deepEqual(verdictOf({ events }).worstMs, [600]);
    assert.deepEqual([...verdictOf({ events }).delaysMs], [10, 10, 50, 600]);
  });
});
